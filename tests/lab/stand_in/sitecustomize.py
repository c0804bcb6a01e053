"""Gives this Python a `site-packages` of its own.

Debian's `site` knows `dist-packages` only, and it is frozen into the interpreter: editing its file
changes nothing.
"""

import os
import site
import sys


def own_site_packages(prefixes=None):
    """Where pip, told by `sysconfig`, installs to."""
    short = "python{}.{}".format(*sys.version_info)
    return [os.path.join(prefix, "lib", short, "site-packages") for prefix in prefixes or [sys.prefix]]


# A virtual environment made from this Python has been given its directories already.
if sys.prefix == sys.base_prefix:
    site.getsitepackages = own_site_packages
    for directory in own_site_packages():
        site.addsitedir(directory)
