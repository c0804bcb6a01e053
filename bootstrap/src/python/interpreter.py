import json, os, sys

try:
    import sysconfig
    managed = os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
except Exception:
    managed = False
try:
    glibc = os.confstr("CS_GNU_LIBC_VERSION")
except (AttributeError, OSError, ValueError):
    glibc = None
found = {
    "python": "%d.%d" % sys.version_info[:2],
    "machine": os.uname().machine,
    "managed": managed,
    "glibc": glibc,
}
try:
    import psycopg2

    found["psycopg2"] = psycopg2.__version__.split()[0]
    found["libpq"] = getattr(psycopg2, "__libpq_version__", 0)
except Exception as error:
    text = "%s: %s" % (type(error).__name__, error)
    missing = getattr(error, "name", "") == "psycopg2"
    found["broken"] = None if missing else text
print(json.dumps(found))
