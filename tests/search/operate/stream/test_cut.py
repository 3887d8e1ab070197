"""A death in the midst of taking in, taking back, handing over and making a version: nothing is lost, nothing twice.

The kernel ends each look after so many seconds of its own processor time, which load does not stretch; no handler of
Python's sees it, as with kill -9.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_stream import GROUP, NOW, arrive, coco_of, first_data, stream_context
from window_detector import write_windows

from objectives.data.readers import read_dataset
from search.operate.journal.images import ImageStatus
from search.operate.journal.kept_labels import read_labels
from search.operate.stream.sets.record import read_record

IMAGES, LABELLED = 120, 40
LATEST_CPU_S = (0.1, 0.1, 0.1, 0.5, 0.8, 1.0)  # of each death; the first three are less than the whole takes
LOOK = """
import signal
import sys
from pathlib import Path
from small_stream import GROUP, stream_context
from search.operate.stream.hand_over import hand_over
from search.operate.stream.take_back import take_back
from search.operate.stream.take_in import take_in
from search.operate.stream.versions import make_version
folder = Path(sys.argv[1])
context = stream_context(folder, GROUP, "labelling.images_max=20")
signal.setitimer(signal.ITIMER_PROF, float(sys.argv[2]))  # 0 is never
take_in(context)
take_back(context, 1)
hand_over(context, 1, folder / "champion")
make_version(context, 1)
"""


@pytest.mark.slow
def test_looks_that_are_killed_come_to_the_same(tmp_path: Path) -> None:
    first_data(tmp_path / "first")
    (tmp_path / "champion").mkdir()
    write_windows(tmp_path / "champion/model.onnx")
    images = {}
    for i in range(IMAGES):
        name = f"store-{'axyz'[i % 4]}/{i}.png"
        images[name] = arrive(tmp_path / "stream", name, i, NOW)
    labelled = {Path(name).name: boxes for name, (_, boxes) in list(images.items())[:LABELLED]}
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.json").write_text(json.dumps(coco_of(list(labelled.items()))))
    rng, killed = random.Random(16), 0
    tests = Path(__file__).parents[3]
    while True:
        cpu_s = rng.uniform(0.005, LATEST_CPU_S[killed]) if killed < len(LATEST_CPU_S) else 0.0
        command = [sys.executable, "-c", LOOK, str(tmp_path), str(cpu_s)]
        code = subprocess.run(command, env={**os.environ, "PYTHONPATH": f"{tests}:{tests.parent}"}).returncode
        if not code:
            break
        assert code == -signal.SIGPROF
        killed += 1
        _check_whole(tmp_path)
    context = stream_context(tmp_path, GROUP)
    kept = [image for image in context.journal.images() if image.status is not ImageStatus.LEFT_OUT]
    assert {image.sha256 for image in context.journal.images()} == {sha for sha, _ in images.values()}
    assert len(kept) + len(context.journal.images(ImageStatus.LEFT_OUT)) == IMAGES
    for image in kept:
        assert hashlib.sha256((context.paths.folder / image.kept).read_bytes()).hexdigest() == image.sha256
    marked = context.journal.images(ImageStatus.LABELLED)
    assert {Path(image.path).name for image in marked} == {*labelled} - {
        Path(image.path).name for image in context.journal.images(ImageStatus.LEFT_OUT)
    }
    assert all(read_labels(context.paths, image.sha256) is not None and image.split for image in marked)
    assert len(context.journal.images(ImageStatus.ASKED)) == 20
    assert len(list((context.paths.hand_over(1) / "images").iterdir())) == 20
    record = read_record(context.paths.version(1).record)
    assert record is not None
    assert read_dataset(context.paths.version(1).data).fingerprint == record.version.fingerprint
    assert not list(context.paths.folder.rglob("*.partial"))
    assert killed >= 3
    context.journal.close()


def _check_whole(folder: Path) -> None:
    """Check what must hold whenever a look was killed: each row has its file, what has a name is whole."""
    context = stream_context(folder, GROUP)
    for image in context.journal.images():
        if image.kept:
            assert hashlib.sha256((context.paths.folder / image.kept).read_bytes()).hexdigest() == image.sha256
    assert all(read_labels(context.paths, one.sha256) for one in context.journal.images(ImageStatus.LABELLED))
    if context.paths.hand_over(1).exists():
        assert (context.paths.hand_over(1) / "annotations.json").is_file()
    if context.paths.version(1).folder.exists():
        assert read_record(context.paths.version(1).record) is not None
    context.journal.close()
