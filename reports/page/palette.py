"""Colours of the report, for light and dark screens, and for colour-blind eyes (after Okabe and Ito)."""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Palette:
    """One colour for each role; marks differ in shape too, never in colour alone."""

    page: str
    card: str
    ink: str
    muted: str
    line: str
    front: str
    gate: str
    gate_rim: str
    gate_fill: str
    finished: str
    stopped: str
    over: str
    running: str
    paused: str
    failed: str
    baseline: str
    family_0: str
    family_1: str
    family_2: str
    family_3: str
    family_4: str
    family_5: str
    family_6: str
    family_7: str
    family_8: str
    family_9: str

    @property
    def families(self) -> tuple[str, ...]:
        """Colours of families, to be given out in this order."""
        values = asdict(self)
        return tuple(values[item.name] for item in fields(self) if item.name.startswith("family_"))


LIGHT = Palette(
    page="#f7f7f5",
    card="#ffffff",
    ink="#1c2228",
    muted="#5c6670",
    line="#e2e4e0",
    front="#0b63ad",
    gate="#007a5a",
    gate_rim="#1fbf8f",
    gate_fill="rgba(0, 158, 115, 0.10)",
    finished="#7d8894",
    stopped="#a35c00",
    over="#8c4a80",
    running="#1c2228",
    paused="#767000",
    failed="#bf3b0c",
    baseline="#c2185b",
    family_0="#c8385a",
    family_1="#00808f",
    family_2="#8a5fb0",
    family_3="#8f7000",
    family_4="#3f8346",
    family_5="#c25e12",
    family_6="#4a66d0",
    family_7="#b03a8c",
    family_8="#74583f",
    family_9="#56707f",
)
DARK = Palette(
    page="#121518",
    card="#1a1e22",
    ink="#e8eaeb",
    muted="#9ba6b0",
    line="#2c3239",
    front="#69b3f5",
    gate="#3ccfa0",
    gate_rim="#3ccfa0",
    gate_fill="rgba(60, 207, 160, 0.12)",
    finished="#87929e",
    stopped="#f0a43c",
    over="#d99bcd",
    running="#e8eaeb",
    paused="#d8cf5a",
    failed="#ff8a5b",
    baseline="#ff7eb6",
    family_0="#ff8b9d",
    family_1="#45c4d4",
    family_2="#c6a1e6",
    family_3="#dcbf4d",
    family_4="#86d392",
    family_5="#ffa463",
    family_6="#9badff",
    family_7="#f286cb",
    family_8="#cfa98b",
    family_9="#a9c0cf",
)
# Colours by name of CSS variable: the page's script fills them in, for the screen or for print.
CSS = Palette(**{item.name: f"var(--{item.name.replace('_', '-')})" for item in fields(Palette)})


def css_variables(palette: Palette) -> str:
    """Return the palette as CSS declarations: '--page: #f7f7f5; ...'."""
    return " ".join(f"--{name.replace('_', '-')}: {colour};" for name, colour in asdict(palette).items())


def colours(palette: Palette) -> dict[str, str]:
    """Return 'var(--page)' to '#f7f7f5' and so on, for the page's script."""
    return {getattr(CSS, name): colour for name, colour in asdict(palette).items()}
