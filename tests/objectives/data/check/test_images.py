"""Image files that are not like the others."""

import pytest
from subjects import counts, entry, picture, subject, texts

from objectives.data.check.images import check_images
from objectives.data.check.subject import CheckedImage


def shot(name: str, size_px: tuple[int, int] = (200, 100), **more: object) -> CheckedImage:
    return entry(name, size_px=size_px, picture=picture(name, **more))


USUAL = [shot(f"{i}.jpg", looks=5) for i in range(5)]


@pytest.mark.parametrize(
    ("odd", "code", "words"),
    [
        (shot("a.jpg", mode="L"), "images.grey", "a.jpg: L"),
        (shot("a.jpg", mode="CMYK"), "images.cmyk", "a.jpg: CMYK"),
        (shot("a.png", mode="RGBA"), "images.alpha", "a.png: RGBA"),
        (shot("a.gif", frames=3), "images.animated", "a.gif: 3 frames"),
        (shot("a.jpg", orientation=6), "images.turned", "a.jpg: EXIF orientation 6"),
        (shot("a.jpg", problem="images.truncated"), "images.truncated", "a.jpg"),
        (shot("a.jpg", size_px=(300, 31)), "images.small", "a.jpg: 300 x 31 px"),
        (shot("a.jpg", size_px=(900, 40)), "images.stretched", "a.jpg: 900 x 40 px"),
        (shot("a.jpg", looks=0), "images.flat", "a.jpg"),
    ],
)
def test_an_odd_image_is_found(odd: CheckedImage, code: str, words: str) -> None:
    found = list(check_images(subject(*USUAL, odd)))
    assert counts(found) == {code: 1}
    assert texts(found, code) == [words]


def test_deep_images_are_grey_too_unless_all_are() -> None:
    deep = [shot(f"{i}.png", mode="I;16") for i in range(3)]
    assert counts(check_images(subject(*USUAL, *deep))) == {"images.grey": 3, "images.deep": 3}
    assert counts(check_images(subject(*deep))) == {"images.deep": 3}


def test_colour_among_grey() -> None:
    grey = [shot(f"{i}.png", mode="L") for i in range(3)]
    assert counts(check_images(subject(*grey, shot("a.jpg")))) == {"images.colour": 1}
    assert counts(check_images(subject(*USUAL, shot("b.png", mode="RGB;16"), shot("c.png", mode="P")))) == {
        "images.deep": 1
    }


def test_files_that_were_not_looked_at_say_nothing() -> None:
    assert counts(check_images(subject(entry("a.jpg"), entry("b.jpg", size_px=None)))) == {}
