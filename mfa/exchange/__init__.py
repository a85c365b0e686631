"""Results for other programs: IAMC tables, workbooks, data packages, premise, STAN.

Each function takes a result, the Dataset of :func:`mfa.run` or :func:`mfa.load`.  What is written
carries what the result says of itself and the sources that it has to name.
"""

from mfa.exchange.iamc import to_iamc, write_iamc
from mfa.exchange.packages import write_datapackage
from mfa.exchange.premise import write_premise
from mfa.exchange.sheets import read_excel, write_excel
from mfa.exchange.stan import to_stan, write_stan

__all__ = [
    "read_excel",
    "to_iamc",
    "to_stan",
    "write_datapackage",
    "write_excel",
    "write_iamc",
    "write_premise",
    "write_stan",
]
