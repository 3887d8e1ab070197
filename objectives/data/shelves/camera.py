"""The camera: where it stands, what it sees of each product, what lens and sensor make of it."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from objectives.data.shelves.packs import Image
from objectives.data.shelves.products import Product
from objectives.data.shelves.scenes import SUPERSAMPLE, Scene
from objectives.data.shelves.stores import Store

IMAGE_PX = 480  # side of a photograph
MIN_VISIBLE = 0.25  # share of a product that must be seen for it to be annotated
TILT_DEG = 3.0  # largest rotation of the camera
PERSPECTIVE = 0.04  # largest shift of a corner by perspective, share of the photograph's side
DEFOCUS_PX = (0.3, 0.7)  # sigma of the blur
MOTION, MOTION_PX = 0.2, (1.5, 3.0)  # probability of motion blur, and its length
NOISE = (2.0, 6.0)  # sigma of the sensor noise in the mid tones, of 255
EXPOSURE_STOPS = 0.4  # largest error of exposure either way, factors of 2
WHITE_BALANCE = 0.10  # largest gain of red against blue and the reverse, share
GLARE, GLARE_STRENGTH = 0.4, (0.15, 0.45)  # probability of highlights, and the share of white in the middle of one

Pixels = npt.NDArray[np.float32]
Homography = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sight:
    """What a photograph shows of one product.

    Attributes:
        product: the product.
        box: its visible extent (x, y, x, y) in px of the photograph, inside the photograph.
        visible: share of its silhouette that is seen, in (0, 1].
    """

    product: Product
    box: tuple[float, float, float, float]
    visible: float


def margin() -> float:
    """Return how much wider the scene must be on every side, as a share of the photograph's side."""
    tilt = np.radians(TILT_DEG)
    return float((np.cos(tilt) + np.sin(tilt) - 1) / 2 + 1.1 * PERSPECTIVE) + 0.005


def aim(rng: np.random.Generator, store: Store) -> Homography:
    """Return the (3, 3) homography from scene px to photograph px, both counted from the outer corner."""
    turn = np.radians(rng.uniform(-TILT_DEG, TILT_DEG))
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    rotation = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    seen = corners @ rotation.T
    keystone = (store.keystone + rng.uniform(-0.5, 0.5)) / 1.5 * PERSPECTIVE
    seen[:, 0] *= 1 + keystone * np.array([1, 1, -1, -1])
    seen += rng.uniform(-0.5, 0.5, (4, 2)) * PERSPECTIVE
    scene_corners = (seen + 0.5 + margin()) * IMAGE_PX * SUPERSAMPLE
    photo_corners = (corners + 0.5) * IMAGE_PX
    view = cv2.getPerspectiveTransform(scene_corners.astype(np.float32), photo_corners.astype(np.float32))
    return np.asarray(view, np.float64)


def _centred(view: Homography) -> Homography:
    """Return `view` between px counted from the centre of the first pixel, as OpenCV warps."""
    to_corner, to_centre = np.eye(3), np.eye(3)
    to_corner[:2, 2], to_centre[:2, 2] = 0.5, -0.5
    return np.asarray(to_centre @ view @ to_corner)


def look(scene: Scene, view: Homography) -> list[Sight]:
    """Return what the photograph shows of each product, and take off the shelf what it hardly shows.

    A product seen less than `MIN_VISIBLE` is neither annotated nor left in the picture, where it would teach
    a detector that products are background.
    """
    edge = float(IMAGE_PX)
    corners = np.array([[(0.0, 0.0), (edge, 0.0), (edge, edge), (0.0, edge)]])
    frame = np.zeros(scene.ids.shape, np.uint8)
    quad = cv2.perspectiveTransform(corners, np.linalg.inv(view)) - 0.5
    cv2.fillConvexPoly(frame, np.round(quad[0]).astype(np.int32), (1,))
    ids = cv2.copyTo(scene.ids, frame)
    sights, hidden = [], []
    for number, (product, area, (left, top, right, foot)) in enumerate(scene.seen, start=1):
        mask = (ids[top:foot, left:right] == number).astype(np.uint8)
        visible = cv2.countNonZero(mask) / area
        if visible < MIN_VISIBLE:
            hidden.append(number)
        else:
            sights.append(Sight(product, _extent(mask, (left, top), view, edge), visible))
    scene.take_off(hidden)
    return sights


def _extent(mask: Image, corner: tuple[int, int], view: Homography, edge: float) -> tuple[float, float, float, float]:
    """Return the hull (x, y, x, y), photograph px, of `mask`, whose first pixel is `corner` of the scene."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=corner)
    points = np.concatenate(contours).astype(np.float64)
    pixels = np.concatenate([points + offset for offset in ((0, 0), (1, 0), (0, 1), (1, 1))])
    seen = np.clip(cv2.perspectiveTransform(pixels, view), 0.0, edge)
    (x0, y0), (x1, y1) = seen.min(axis=(0, 1)).tolist(), seen.max(axis=(0, 1)).tolist()
    return x0, y0, x1, y1


def develop(rng: np.random.Generator, scene: Scene, view: Homography, store: Store) -> Image:
    """Return the photograph, (IMAGE_PX, IMAGE_PX, 3) uint8 BGR: light, lens and sensor, in that order."""
    fine = IMAGE_PX * SUPERSAMPLE
    warp = _centred(np.diag([SUPERSAMPLE, SUPERSAMPLE, 1]) @ view)
    flat = cv2.warpPerspective(scene.bgr, warp, (fine, fine), borderMode=cv2.BORDER_REPLICATE)
    flat = cv2.resize(flat, (IMAGE_PX, IMAGE_PX), interpolation=cv2.INTER_AREA)
    photo = flat.astype(np.float32) * _illumination(rng, scene, view, store)
    if rng.random() < GLARE:
        photo += _glare(rng)[:, :, None]
    photo = _blur(rng, photo, store)
    noise = rng.standard_normal(photo.shape, dtype=np.float32) * np.float32(rng.uniform(*NOISE))
    photo += noise * np.sqrt(np.clip(photo, 8, 255) / 128)  # photons: the spread grows with the root of the light
    return np.clip(np.round(photo), 0, 255).astype(np.uint8)


def _illumination(rng: np.random.Generator, scene: Scene, view: Homography, store: Store) -> Pixels:
    """Return the factor of every pixel, (IMAGE_PX, IMAGE_PX, 3): shelf shadows, lamps, vignette, exposure."""
    lamps = np.outer(*scene.light).astype(np.float32)
    warp = _centred(view @ np.diag([SUPERSAMPLE, SUPERSAMPLE, 1]))
    light = cv2.warpPerspective(lamps, warp, (IMAGE_PX, IMAGE_PX), borderMode=cv2.BORDER_REPLICATE)
    across = np.linspace(-1, 1, IMAGE_PX, dtype=np.float32) ** 2
    light = light * (1 - float(rng.uniform(0.0, 0.12)) * (across[:, None] + across[None, :]))
    stops = (store.brightness + rng.uniform(-1, 1)) / 2 * EXPOSURE_STOPS
    tint = (store.warmth + rng.uniform(-0.5, 0.5)) / 1.5 * WHITE_BALANCE
    gains = np.array([1 - tint, 1.0, 1 + tint], np.float32) * np.float32(2.0**stops)
    return np.asarray(light[:, :, None] * gains)


def _glare(rng: np.random.Generator) -> Pixels:
    """Return the light added by one to three elliptical highlights, (IMAGE_PX, IMAGE_PX)."""
    added = np.zeros((IMAGE_PX, IMAGE_PX), np.float32)
    y, x = np.mgrid[:IMAGE_PX, :IMAGE_PX].astype(np.float32) / IMAGE_PX
    for _ in range(int(rng.integers(1, 4))):
        (cx, cy), turn = rng.uniform(0, 1, 2), rng.uniform(0, np.pi)
        long, short = rng.uniform(0.06, 0.2), rng.uniform(0.03, 0.06)
        along = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / long
        beside = ((y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)) / short
        added += 255 * rng.uniform(*GLARE_STRENGTH) * np.exp(-(along**2) - beside**2)
    return added


def _blur(rng: np.random.Generator, photo: Pixels, store: Store) -> Pixels:
    """Return the photograph out of focus, and sometimes moved."""
    low, high = DEFOCUS_PX
    sigma = low + (high - low) * (store.blur + rng.uniform()) / 2
    photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma))
    if rng.random() < MOTION:
        kernel = _motion(rng.uniform(*MOTION_PX), rng.uniform(0, np.pi))
        photo = np.asarray(cv2.filter2D(photo, -1, kernel), np.float32)
    return photo


def _motion(length: float, angle: float) -> Pixels:
    """Return the kernel of a straight movement of `length` px, sum 1: a line drawn fine, then shrunk."""
    size, fine = 2 * int(np.ceil(length / 2)) + 1, 8
    middle, half = (size * fine - 1) / 2, np.array([np.cos(angle), np.sin(angle)]) * length * fine / 2
    start, end = (np.round(middle + sign * half).astype(int).tolist() for sign in (-1, 1))
    line = cv2.line(np.zeros((size * fine, size * fine), np.float32), start, end, (1.0,), fine)
    kernel = cv2.resize(line, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(kernel / kernel.sum())
