# Reads connection parameters as JSON, asks SELECT NOW() through psycopg2, writes the answer as JSON.
# For every Python from 3.5 and every psycopg2 from 2.7 on.
import json
import sys

parameters = json.load(sys.stdin)


def asked():
    try:
        import psycopg2
    except Exception as error:
        return {"missing": str(error)}
    try:
        connection = psycopg2.connect(**parameters)
        cursor = connection.cursor()
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute("SELECT NOW()")
        now = cursor.fetchall()[0][0]
        cursor.execute(
            "SELECT extract(epoch FROM now())::bigint, current_setting('server_version'),"
            " (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid())"
        )
        epoch, version, tls = cursor.fetchall()[0]
        connection.close()
    except Exception as error:
        words = str(error)
        secret = parameters.get("password") or ""
        if len(secret) > 3:
            words = words.replace(secret, "(password)")
        kind = type(error).__name__
        return {"error": words, "code": getattr(error, "pgcode", None), "class": kind}
    return {
        "now": str(now),
        "epoch": int(epoch),
        "server_version": version,
        "tls": tls,
        "libpq_version": getattr(psycopg2, "__libpq_version__", 0),
        "psycopg2_version": psycopg2.__version__.split()[0],
    }


json.dump(asked(), sys.stdout)
