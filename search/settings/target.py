"""What a preset names by `_target_`, as Hydra's users expect: a class or a function that can be imported."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from spaces.errors import AutomlError, SettingsError, nearest

TARGET = "_target_"


@dataclass(frozen=True)
class Target:
    """An object to be built: where it can be imported from, and its own settings.

    Attributes:
        setting: the group of settings that names it, for messages: "sampler", "pruner".
        path: dotted path of a class or a function.
        arguments: its own settings, by parameter; a mapping with a `_target_` of its own is built first.
    """

    setting: str
    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, setting: str, named: Mapping[str, str], name: str, path: str | None, arguments: Mapping[str, Any]
    ) -> Self:
        """Return what a group of settings names: one of the product's own by its name, any other by its path.

        Args:
            setting: the group.
            named: the product's own: name -> path.
            name: as the group says.
            path: as the group says; None where it gives none.
            arguments: the object's own settings.

        Raises:
            SettingsError: the name is unknown, or is the product's own and stands beside a path.
        """
        if path is not None and name in named:
            hint = f"begin with {setting}=custom"
            raise SettingsError(f"{setting}: '{name}' is the product's own and takes no {TARGET}; {hint}")
        if path is None and name not in named:
            hint = f"{nearest(name, named)}; known: {', '.join(named)}; or {setting}=custom with a {TARGET}"
            raise SettingsError(f"{setting}.name: unknown {setting} '{name}'{hint}")
        return cls(setting, path or named[name], arguments)

    def load(self) -> Callable[..., Any]:
        """Return the class or function.

        Raises:
            SettingsError: the path leads nowhere, or to something that cannot be called.
        """
        from hydra.utils import get_object

        try:
            found = get_object(self.path)
        except Exception as error:  # whatever the module raises while it is imported
            reason = " ".join(str(error).split())[:160]
            raise SettingsError(
                f"{self.setting}.{TARGET}: cannot import '{self.path}' ({reason}); "
                "give the dotted path of a class or a function"
            ) from error
        if not callable(found):
            raise SettingsError(f"{self.setting}.{TARGET}: '{self.path}' cannot be called; give a class or a function")
        return found  # type: ignore[no-any-return]  # callable, as was just checked

    def check(self, offered: Collection[str] = ()) -> None:
        """Check that the settings are parameters of the object, of their types, and that none is missing.

        Args:
            offered: parameters that `build` will be given.

        Raises:
            SettingsError: the object cannot be imported, or its settings do not fit.
        """
        found = self.load()
        try:
            parameters = inspect.signature(found).parameters
        except ValueError:  # a class written in C
            return
        self._check_names(parameters, offered)
        self._check_types(found)

    def build(self, **offered: Any) -> Any:
        """Build the object from its settings, and from what its parameters name of `offered`.

        Raises:
            SettingsError: the object refuses its settings.
        """
        from hydra.errors import InstantiationException
        from hydra.utils import instantiate

        wanted = {name: value for name, value in offered.items() if self.takes(name)}
        try:
            return instantiate({TARGET: self.path, "_convert_": "all", **self.arguments}, **wanted)
        except InstantiationException as error:
            if isinstance(error.__cause__, AutomlError):
                raise error.__cause__ from None
            reason = " ".join(str(error.__cause__ or error).split())[:200]
            raise SettingsError(f"{self.setting}: '{self.path}' refuses its settings ({reason})") from error

    def takes(self, name: str) -> bool:
        """Whether the object has a parameter of this name that its settings leave open."""
        if name in self.arguments:
            return False
        try:
            return name in inspect.signature(self.load()).parameters
        except ValueError:
            return False

    def _check_names(self, parameters: Mapping[str, inspect.Parameter], offered: Collection[str]) -> None:
        own = [p for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        known = [p.name for p in own if p.name not in offered]
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        for name in self.arguments:
            if name not in known and name not in offered and not takes_any:
                listed = f"known: {', '.join(known)}" if known else "it has none"
                raise SettingsError(f"unknown setting '{self.setting}.{name}'{nearest(name, known)}; {listed}")
        for parameter in own:
            needed = parameter.default is parameter.empty and parameter.name not in offered
            if needed and parameter.name not in self.arguments:
                raise SettingsError(f"{self.setting}.{parameter.name}: needs a value, '{self.path}' has no default")

    def _check_types(self, found: Callable[..., Any]) -> None:
        """Check what plain annotations say; others are the object's own business."""
        import msgspec

        try:
            parameters = inspect.signature(found, eval_str=True).parameters
        except (NameError, TypeError, ValueError):  # annotations that mean something to type checkers alone
            return
        for name, value in self.arguments.items():
            if name not in parameters or isinstance(value, Mapping):
                continue
            try:
                msgspec.convert(value, _type_of(parameters[name]))
            except msgspec.ValidationError as error:
                raise SettingsError(f"{self.setting}.{name}: {str(error)[:1].lower()}{str(error)[1:]}") from None
            except TypeError:  # a type that is no JSON's
                continue


def _type_of(parameter: inspect.Parameter) -> Any:
    return Any if parameter.annotation is parameter.empty else parameter.annotation
