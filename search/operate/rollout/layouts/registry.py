"""The layouts by name."""

from search.operate.rollout.layouts.container import ContainerContext
from search.operate.rollout.layouts.contract import ServingLayout
from search.operate.rollout.layouts.triton import TritonRepository

SERVING_LAYOUTS: dict[str, ServingLayout] = {one.name: one for one in (TritonRepository(), ContainerContext())}


def layouts_named(names: list[str]) -> list[ServingLayout]:
    """Return layouts by their names, which the settings have checked (`search.settings.pipeline.parts`)."""
    return [SERVING_LAYOUTS[name] for name in names]
