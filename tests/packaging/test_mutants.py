"""The list of `make mutants` fits the sources: each rule is there once, and can be broken."""

import ast

import pytest

from tools import ROOT
from tools.mutants import Mutant, mutants

MUTANTS = mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.rule for mutant in MUTANTS])
def test_a_rule_of_the_list_can_be_broken(mutant: Mutant) -> None:
    source = (ROOT / "dify_java_compat" / mutant.file).read_text(encoding="utf-8")
    broken = mutant.mutated(source)
    assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(source))
    for path in mutant.tests.split():
        assert (ROOT / path.partition("::")[0]).exists(), path


def test_the_list_has_sixty_rules_of_different_names() -> None:
    assert len({mutant.rule for mutant in MUTANTS}) == len(MUTANTS) >= 60
