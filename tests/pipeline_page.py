"""Data of a pipeline's page, made by hand: half a year with a new lamp, a round that was kept and one that served."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from objectives.drift.look import look
from objectives.drift.sample import DriftImage, DriftSample

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
