"""CBRT, equal to Java's Math.cbrt to the last bit: C libraries give other results.

A row of `library/math.toml` names `cbrt`.  The method is W. Kahan's: start with a third of the
exponent, a rational step to 20 bits, round those up, then one step of Newton's method.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kshell.sql.java.columns import over_columns

__all__ = ["cbrt"]

_HIGH = np.uint64(32)
_START, _START_SMALL = np.uint64(715_094_163), np.uint64(696_219_795)
_SMALLEST = 2.0**-1022  # below it a double has fewer bits


@over_columns
def cbrt(column: pa.Array) -> pa.Array:
    """The cube root.

    >>> cbrt(pa.array([27.0, -15.0, None])).to_pylist()
    [3.0, -2.4662120743304703, None]
    """
    given = column.to_numpy(zero_copy_only=False)
    plain = np.isfinite(given) & (given != 0)
    x = np.where(plain, np.abs(given), 1.0)
    small = x < _SMALLEST
    words = (x * np.where(small, 2.0**54, 1.0)).view(np.uint64) >> _HIGH
    words = words // np.uint64(3) + np.where(small, _START_SMALL, _START)
    root = (words << _HIGH).view(np.float64)
    error = 19 / 35 + root * root / x * root
    root = root * (5 / 14 + 45 / 28 / (error + 99 / 70 + -864 / 1225 / error))
    root = (((root.view(np.uint64) >> _HIGH) + np.uint64(1)) << _HIGH).view(np.float64)
    rest = x / (root * root)
    root = root + root * ((rest - root) / (root + root + rest))
    found = np.where(plain, np.copysign(root, given), given)
    return pa.array(found, pa.float64(), mask=column.is_null().to_numpy(zero_copy_only=False))
