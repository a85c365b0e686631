"""Lists of critical minerals, and how one follows from the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mfa.errors import MfaError, known


def revised_list(
    listed: Iterable[str],
    *,
    added: Iterable[str] = (),
    removed: Iterable[str] = (),
    split: Mapping[str, Iterable[str]] | None = None,
) -> tuple[str, ...]:
    """Return a list of minerals after a revision, in alphabetical order.

    (listed ∪ added ∖ removed), with each group that is split replaced by its members.

    Parameters
    ----------
    listed : sequence of names
    added, removed : sequences of names
    split : mapping of a group to its members

    Returns
    -------
    tuple of str

    Raises
    ------
    MfaError
        If what is added is listed already, or what is removed or split is not.

    References
    ----------
    U.S. Geological Survey (2022), Final List of Critical Minerals, Federal Register 87 FR 10381

    Examples
    --------
    >>> revised_list(["cobalt", "PGM"], added=["nickel"], split={"PGM": ["platinum", "palladium"]})
    ('cobalt', 'nickel', 'palladium', 'platinum')
    """
    now = set(listed)
    groups = {name: set(members) for name, members in (split or {}).items()}
    for name in [*removed, *groups]:
        if name not in now:
            raise MfaError(f"{name!r} is not on the list. {known(name, now)}")
    now -= set(removed) | set(groups)
    new = [*added, *(member for members in groups.values() for member in members)]
    for name in new:
        if name in now:
            raise MfaError(f"{name!r} is on the list already")
    return tuple(sorted(now | set(new)))
