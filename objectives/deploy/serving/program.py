"""The server's process: environment variables in, one line where it listens, answers until it is ended."""

import logging
import os
import sys
from pathlib import Path

from spaces.errors import AutomlError

PIXELS_MOST = 100_000_000  # of an image: a file of 125 kB may unpack to gigabytes
PIXELS_VARIABLE = "OPENCV_IO_MAX_IMAGE_PIXELS"  # OpenCV reads it once, when it is loaded


def main() -> int:
    """Serve until SIGINT or SIGTERM; return the exit code, 2 for what the user can mend."""
    os.environ.setdefault(PIXELS_VARIABLE, str(PIXELS_MOST))
    import uvicorn

    from objectives.deploy.serving.app import make_app
    from objectives.deploy.serving.options import ServerOptions

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        options = ServerOptions.of(os.environ, Path(sys.argv[0]).absolute().parent)
        app = make_app(options)
    except AutomlError as error:
        logging.getLogger("automl").error(error)
        return 2
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        access_log=False,
        log_level="info",
        limit_concurrency=options.connections_max + 1,  # it counts the one that asks, too
    )
    return 0
