"""The camera: where it stands, what it sees of each product, what lens and sensor make of it."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from objectives.data.shelves.packs import Image
from objectives.data.shelves.products import Product
from objectives.data.shelves.scenes import SUPERSAMPLE, Scene
from objectives.data.shelves.stores import Difficulty, Store

MIN_VISIBLE = 0.25  # share of a product that must be seen for it to be annotated

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


def margin(difficulty: Difficulty) -> float:
    """Return how much wider the scene must be on every side, as a share of the photograph's side."""
    tilt = np.radians(difficulty.tilt_deg)
    return float((np.cos(tilt) + np.sin(tilt) - 1) / 2 + 1.1 * difficulty.perspective) + 0.005


def aim(rng: np.random.Generator, store: Store, difficulty: Difficulty, image_px: int) -> Homography:
    """Return the (3, 3) homography from scene px to photograph px, both counted from the outer corner."""
    turn = np.radians(rng.uniform(-difficulty.tilt_deg, difficulty.tilt_deg))
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    rotation = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    seen = corners @ rotation.T
    keystone = (store.keystone + rng.uniform(-0.5, 0.5)) / 1.5 * difficulty.perspective
    seen[:, 0] *= 1 + keystone * np.array([1, 1, -1, -1])
    seen += rng.uniform(-0.5, 0.5, (4, 2)) * difficulty.perspective
    scene_corners = (seen + 0.5 + margin(difficulty)) * image_px * SUPERSAMPLE
    photo_corners = (corners + 0.5) * image_px
    view = cv2.getPerspectiveTransform(scene_corners.astype(np.float32), photo_corners.astype(np.float32))
    return np.asarray(view, np.float64)


def _centred(view: Homography) -> Homography:
    """Return `view` between px counted from the centre of the first pixel, as OpenCV warps."""
    to_corner, to_centre = np.eye(3), np.eye(3)
    to_corner[:2, 2], to_centre[:2, 2] = 0.5, -0.5
    return np.asarray(to_centre @ view @ to_corner)


def look(scene: Scene, view: Homography, image_px: int) -> list[Sight]:
    """Return what the photograph shows of each product, and take off the shelf what it hardly shows.

    A product seen less than `MIN_VISIBLE` is neither annotated nor left in the picture, where it would teach
    a detector that products are background.
    """
    edge = float(image_px)
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


def develop(
    rng: np.random.Generator,
    scene: Scene,
    view: Homography,
    store: Store,
    difficulty: Difficulty,
    image_px: int,
) -> Image:
    """Return the photograph, (image_px, image_px, 3) uint8 BGR: light, lens and sensor, in that order."""
    fine = image_px * SUPERSAMPLE
    warp = _centred(np.diag([SUPERSAMPLE, SUPERSAMPLE, 1]) @ view)
    flat = cv2.warpPerspective(scene.bgr, warp, (fine, fine), borderMode=cv2.BORDER_REPLICATE)
    flat = cv2.resize(flat, (image_px, image_px), interpolation=cv2.INTER_AREA)
    photo = flat.astype(np.float32) * _illumination(rng, scene, view, store, difficulty, image_px)
    if rng.random() < difficulty.glare:
        photo += _glare(rng, difficulty, image_px)[:, :, None]
    photo = _blur(rng, photo, store, difficulty, image_px / 480)
    noise = rng.standard_normal(photo.shape, dtype=np.float32) * np.float32(rng.uniform(*difficulty.noise))
    photo += noise * np.sqrt(np.clip(photo, 8, 255) / 128)  # photons: the spread grows with the root of the light
    return np.clip(np.round(photo), 0, 255).astype(np.uint8)


def _illumination(
    rng: np.random.Generator,
    scene: Scene,
    view: Homography,
    store: Store,
    difficulty: Difficulty,
    image_px: int,
) -> Pixels:
    """Return the factor of every pixel, (image_px, image_px, 3): shelf shadows, lamps, vignette, exposure."""
    lamps = np.outer(*scene.light).astype(np.float32)
    warp = _centred(view @ np.diag([SUPERSAMPLE, SUPERSAMPLE, 1]))
    light = cv2.warpPerspective(lamps, warp, (image_px, image_px), borderMode=cv2.BORDER_REPLICATE)
    across = np.linspace(-1, 1, image_px, dtype=np.float32) ** 2
    light = light * (1 - float(rng.uniform(0.0, 0.12)) * (across[:, None] + across[None, :]))
    stops = (store.brightness + rng.uniform(-1, 1)) / 2 * difficulty.exposure_stops
    tint = (store.warmth + rng.uniform(-0.5, 0.5)) / 1.5 * difficulty.white_balance
    gains = np.array([1 - tint, 1.0, 1 + tint], np.float32) * np.float32(2.0**stops)
    return np.asarray(light[:, :, None] * gains)


def _glare(rng: np.random.Generator, difficulty: Difficulty, image_px: int) -> Pixels:
    """Return the light added by one to three elliptical highlights, (image_px, image_px)."""
    added = np.zeros((image_px, image_px), np.float32)
    y, x = np.mgrid[:image_px, :image_px].astype(np.float32) / image_px
    for _ in range(int(rng.integers(1, 4))):
        (cx, cy), turn = rng.uniform(0, 1, 2), rng.uniform(0, np.pi)
        long, short = rng.uniform(0.06, 0.2), rng.uniform(0.03, 0.06)
        along = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / long
        beside = ((y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)) / short
        added += 255 * rng.uniform(*difficulty.glare_strength) * np.exp(-(along**2) - beside**2)
    return added


def _blur(rng: np.random.Generator, photo: Pixels, store: Store, difficulty: Difficulty, scale: float) -> Pixels:
    """Return the photograph out of focus, and sometimes moved; `scale` is its size against a 480 px one."""
    low, high = difficulty.defocus_px
    sigma = (low + (high - low) * (store.blur + rng.uniform()) / 2) * scale
    if sigma > 0:
        photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma))
    if rng.random() < difficulty.motion:
        kernel = _motion(rng.uniform(*difficulty.motion_px) * scale, rng.uniform(0, np.pi))
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
