"""Workers on other machines, through dask.distributed (extra ``cluster``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mfa.errors import MfaError
from mfa.sample_pools import Pool

PATIENCE = "20s"
"""How long a scheduler may take to answer."""


@contextmanager
def connected(address: str) -> Iterator[Pool]:
    """Open the workers of a running scheduler.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://10.0.0.1:8786``, or the name of a file that it wrote
        (``dask scheduler --scheduler-file FILE``).

    Raises
    ------
    MfaError
        If the package is missing, the scheduler does not answer or has no workers.
    """
    if find_spec("distributed") is None:
        raise MfaError("--cluster needs the package distributed: pip install 'mfa[cluster]'")
    distributed: Any = import_module("distributed")
    lost: Any = import_module("distributed.scheduler").KilledWorker

    named = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        client = distributed.Client(**named, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise MfaError(
            f"--cluster {address}: no scheduler answers ({error}); start one with 'dask scheduler' "
            "and workers with 'dask worker ADDRESS'"
        ) from error
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise MfaError(
                f"--cluster {address}: the scheduler has no workers; start some with 'dask worker {address}'"
            )

        def send(told: bytes) -> object:
            return client.scatter(told, broadcast=True, hash=False)

        executor = client.get_executor(pure=False, retries=1)
        yield Pool(executor, threads, here=False, send=send, lost=(*Pool.lost, lost, OSError))
