"""Runs a whole process without one defence: an import hook that loads estab from its ``.py``, one of them changed.

Compiled modules are passed over, as they would go on calling what they were compiled with, and what is only there in C
is missing: its Python form serves.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType

from estab.mutations import MUTATIONS, TRANSFORMS
from estab.mutations.mutation import Mutation, Witness
from estab.mutations.transform import Transform

_RULES = "estab.tcp.rules"


def install(name: str) -> Absence:
    """From now on ``import estab`` gives an estab without this defence, and what was imported before is forgotten.

    Raises ``KeyError`` for a name that is none, ``ValueError`` for a mutation that changes figures: whoever makes a
    ``Config`` gives those himself."""
    mutation = TRANSFORMS.get(name) or MUTATIONS[name]
    if isinstance(mutation, Mutation) and mutation.apply().changes_figures:
        raise ValueError(f"{name} changes figures: give its configuration to the stacks that shall lack the defence")
    for module in [each for each in sys.modules if each == "estab" or each.startswith("estab.")]:
        del sys.modules[module]
    absence = Absence(mutation)
    sys.meta_path.insert(0, _Finder(absence))
    return absence


class Absence:
    """A defence that is missing from this process, and the proof of it."""

    def __init__(self, mutation: Mutation | Transform) -> None:
        self.mutation = mutation
        self.loaded: bool = False
        """The module was loaded in its changed form."""
        self.witness: Witness | None = None

    def took_effect(self) -> bool:
        """For rules: they were asked, and decided otherwise than those of the RFCs."""
        return self.loaded if self.witness is None else self.witness.count > 0

    def code(self, loader: SourceFileLoader, module: str) -> CodeType | None:
        """The changed code of this module, or None where nothing is changed."""
        if not isinstance(self.mutation, Transform) or module != f"estab.{self.mutation.module}":
            return None
        self.loaded = True
        path = loader.get_filename(module)
        return loader.source_to_code(self.mutation.apply(loader.get_source(module) or "").encode(), path)

    def exchange(self, module: ModuleType) -> None:
        """Before anybody sees the rules of the RFCs, they are others."""
        if module.__name__ == _RULES and isinstance(self.mutation, Mutation):
            # That of the estab that is being imported, not of the one that is forgotten.
            mutant = import_module("estab.mutations").MUTATIONS[self.mutation.name].apply(module.RULES)
            self.witness = mutant.witness
            module.RULES = mutant.rules  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    def __init__(self, absence: Absence) -> None:
        self.absence = absence

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "estab":
            return None
        for entry in sys.path if path is None else path:
            spec = FileFinder(entry, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(fullname)
            if spec is not None and spec.origin is not None:
                return spec_from_file_location(
                    fullname,
                    spec.origin,
                    loader=_Loader(fullname, spec.origin, self.absence),
                    submodule_search_locations=spec.submodule_search_locations,
                )
        raise ModuleNotFoundError(f"{fullname} has no source", name=fullname)


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, absence: Absence) -> None:
        super().__init__(fullname, path)
        self.absence = absence

    def get_code(self, fullname: str) -> CodeType | None:
        return self.absence.code(self, fullname) or super().get_code(fullname)

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        self.absence.exchange(module)
