"""Hailo: by Ultralytics' exporter around Hailo's Dataflow Compiler. Untested on machines of ours."""

from importlib.util import find_spec
from pathlib import Path

from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.deploy.formats.vendors.ultralytics_export import export_by_ultralytics


class Hailo(DeployFormat):
    """A folder with a `.hef` for the Hailo-8L (Raspberry Pi AI kit), 8 bits, NMS inside."""

    name = "hailo"
    suffix = "_hailo"
    tested = False
    of_weights = of_data = True
    note = "for hailo8l; yolo11 as Ultralytics builds it"

    def why_not(self) -> str:
        """Name Hailo's compiler, where it is missing."""
        if find_spec("hailo_sdk_client"):
            return ""
        return "needs Hailo's Dataflow Compiler: no module hailo_sdk_client; install it from Hailo's developer zone"

    def _write(self, source: Source, to: Path) -> None:
        export_by_ultralytics("hailo", source, to, {"name": "hailo8l"})
