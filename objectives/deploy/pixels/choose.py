"""Who computes on pixels here: OpenCV where it is installed, else NumPy."""

from functools import cache
from importlib.util import find_spec

from objectives.deploy.pixels.contract import PixelWork


@cache
def pixel_work() -> PixelWork:
    """Return OpenCV's work, or NumPy's where OpenCV is not installed, as on a bare board."""
    if find_spec("cv2") is None:
        from objectives.deploy.pixels.plain import Plain

        return Plain()
    from objectives.deploy.pixels.opencv import OpenCv

    return OpenCv()
