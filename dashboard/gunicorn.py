"""How gunicorn serves the dashboard: `gunicorn -c dashboard/gunicorn.py dashboard.app:server`.

One worker: it holds the live hub and the session cache, and 50 pages at 10 Hz cost it a few percent of a
core.
"""

from dashboard.settings import settings_read

_settings = settings_read()

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
workers = 1
worker_class = "dashboard.security.worker.DeadlineWorker"
graceful_timeout = 5
timeout = 30
keepalive = 15
# gunicorn would otherwise put a control socket into the home directory.
control_socket_disable = True
# Proxies in front are not trusted to name the client.
forwarded_allow_ips = ""
accesslog = None
errorlog = "-"
proc_name = "arbdeck-web"
