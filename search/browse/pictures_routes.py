"""Routes of validation images: a trial's detections as JSON, and thumbnails.

Nothing of a request becomes the path of a file: a study is found by its name in the store, an image by its number in
the study's own list.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from search.browse.study_pictures import StudyPictures
from spaces.errors import AutomlError

USUAL_PX = 480
DIGITS_MOST = 9  # of a number in an address


def picture_routes(pictures_of: Callable[[str], StudyPictures]) -> list[Route]:
    """Return the routes.

    Args:
        pictures_of: gives the pictures of a study by its name; raises AutomlError where there is none.
    """

    def detections(request: Request) -> Response:
        number = small_number(request.path_params["number"])
        if number is None:
            return _refused("a trial goes by its number: /studies/NAME/trials/3/detections")
        try:
            text = pictures_of(request.path_params["name"]).detections(number)
        except AutomlError as error:
            return _refused(str(error))
        return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})

    def image(request: Request) -> Response:
        key = small_number(request.path_params["key"])
        px = small_number(request.query_params.get("px", str(USUAL_PX)))
        if key is None or px is None:
            return _refused("an image goes by its number: /studies/NAME/images/3.jpg?px=480")
        try:
            jpeg = pictures_of(request.path_params["name"]).thumbnail(key, px)
        except AutomlError as error:
            return _refused(str(error))
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})

    return [
        Route("/studies/{name}/trials/{number}/detections", detections, methods=["GET"]),
        Route("/studies/{name}/images/{key}.jpg", image, methods=["GET"]),
    ]


def small_number(text: str) -> int | None:
    """Return the number that a part of an address is; None where it is none, or has more digits than any of ours."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS_MOST else None


def _refused(why: str) -> Response:
    return JSONResponse({"error": why}, 404)
