"""Mistakes with names, configurations and installed packages."""

from .mutant import Mutant

CONFIGS = "tests/reliability/test_hostile_configs.py::"
NAMES = "tests/reliability/test_odd_names.py::"
DEPENDENCIES = "tests/reliability/test_dependencies.py::"

MUTANTS = [
    Mutant(
        fault=20,
        file="keras_fcn/cli/console.py",
        old="return escape(",
        new="return (",
        test=NAMES + "test_evaluate_scores_what_has_any_name",
    ),
    Mutant(
        fault=20,
        file="keras_fcn/cli/__init__.py",
        old='errors="backslashreplace"',
        new='errors="strict"',
        test=NAMES + "test_a_name_is_shown_where_the_terminal_knows_ascii_only",
    ),
    Mutant(
        fault=20,
        file="keras_fcn/storage.py",
        old="{hint[:40]}",
        new="{hint}",
        test=NAMES + "test_the_longest_names_work_where_nothing_is_added_to_them",
    ),
    Mutant(
        fault=25,
        file="keras_fcn/runs/plain_yaml.py",
        old="if self.check_event(yaml.AliasEvent):",
        new="if False:",
        test=CONFIGS + "test_a_bomb_costs_no_more_memory_than_its_text",
    ),
    Mutant(
        fault=25,
        file="keras_fcn/runs/plain_yaml.py",
        old="class _Loader(yaml.SafeLoader):",
        new="class _Loader(yaml.UnsafeLoader):",
        test=CONFIGS + "test_a_hostile_configuration_is_refused_by_name",
    ),
    Mutant(
        fault=25,
        file="keras_fcn/runs/plain_yaml.py",
        old="class _Loader(yaml.SafeLoader):",
        new="class _Loader(yaml.UnsafeLoader):",
        test="tests/test_dangerous_calls.py::"
        "test_only_the_exceptions_stand_in_the_repository",
    ),
    Mutant(
        fault=25,
        file="keras_fcn/runs/config.py",
        old="return all(_is_of_type(item, first) for item in value)",
        new="return True",
        test=CONFIGS + "test_a_hostile_configuration_is_refused_by_name",
    ),
    Mutant(
        fault=30,
        file="keras_fcn/doctor/rules.py",
        old="release(installed) < release(floor)",
        new="release(installed) > release(floor)",
        test=DEPENDENCIES + "test_doctor_notices_a_package_below_its_floor",
    ),
    Mutant(
        fault=30,
        file="pyproject.toml",
        old='"keras>=3.15.1"',
        new='"keras>=3.14"',
        test=DEPENDENCIES + "test_the_floor_of_keras_lies_above_its_known_holes",
    ),
]
