"""IMX500, the Raspberry Pi AI camera: by Ultralytics' exporter around Sony's compiler. Untested on machines of ours."""

from importlib.util import find_spec
from pathlib import Path
from shutil import which

from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.deploy.formats.vendors.ultralytics_export import export_by_ultralytics


class Imx500(DeployFormat):
    """A folder with the packed network of Sony's IMX500, 8 bits."""

    name = "imx500"
    suffix = "_imx500"
    tested = False
    of_weights = of_data = True
    note = "yolo11 as Ultralytics builds it (its exporter knows YOLOv8n and YOLO11n)"

    def why_not(self) -> str:
        """Name what is missing of Sony's tools: Ultralytics would install them unasked, with Java by apt."""
        if which("imxconv-pt") is None:
            return "needs Sony's compiler: no 'imxconv-pt' in PATH; install imx500-converter[pt] and Java 17"
        if which("java") is None:
            return "needs Java 17 or newer for 'imxconv-pt': no 'java' in PATH; install it"
        missing = [name for name in ("model_compression_toolkit", "edgemdt_cl", "edgemdt_tpc") if not find_spec(name)]
        if missing:
            packages = "model-compression-toolkit, edge-mdt-cl and edge-mdt-tpc"
            return f"needs Sony's quantiser: no module {', '.join(missing)}; install {packages}"
        return ""

    def _write(self, source: Source, to: Path) -> None:
        export_by_ultralytics("imx", source, to)
