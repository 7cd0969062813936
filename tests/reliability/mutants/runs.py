"""Mistakes in trainings: checkpoints, resume, signals, run folders."""

from .mutant import Mutant

R = "tests/reliability"
RESUME, KEEPER = "keras_fcn/checkpoints/resume.py", "keras_fcn/checkpoints/keeper.py"
FOLDER, FILE = "keras_fcn/checkpoints/folder.py", "keras_fcn/checkpoints/file.py"
POSITIONS = f"{R}/test_exact_resume.py::test_every_position_goes_on_to_the_same_end"
MUTANTS = [
    # The generators of Dropout begin anew.
    Mutant(
        1,
        "keras_fcn/checkpoints/state.py",
        "        MODEL: lambda: model.variables,",
        "        MODEL: lambda: model.weights,",
        f"{R}/test_kills.py::test_killed_runs_end_as_if_nothing_had_happened",
    ),
    # What is half written stays.
    Mutant(
        2,
        "keras_fcn/checkpoints/folder.py",
        "    storage.remove_leftovers(folder)\n",
        "",
        f"{R}/test_damaged_checkpoints.py::test_death_at_each_call_of_a_save_leaves_a_whole_one",
    ),
    # The optimiser's moments are lost.
    Mutant(
        3,
        KEEPER,
        "        self.restore_values(model, checkpoint, state.MODEL, state.OPTIMIZER)",
        "        self.restore_values(model, checkpoint, state.MODEL)",
        POSITIONS,
    ),
    # Metrics of half an epoch begin at zero.
    Mutant(
        3,
        RESUME,
        "self._checkpoint, *state.GROUPS)",
        "self._checkpoint, state.MODEL, state.OPTIMIZER)",
        POSITIONS,
    ),
    # Patience begins anew.
    Mutant(
        3,
        KEEPER,
        '        self._remembered.restore(notes["callbacks"], arrays)\n',
        "",
        POSITIONS,
    ),
    # A checksum that is not looked at.
    Mutant(
        4,
        FILE,
        '            verify(self.path, f"sha256-prefix:{self.checksum}")',
        "            self.path.stat()",
        f"{R}/test_damaged_checkpoints.py::test_a_thousand_damages_are_seen",
    ),
    Mutant(
        5,
        "keras_fcn/storage.py",
        "        temporary.unlink(missing_ok=True)",
        "        pass",
        f"{R}/test_run_folders.py::test_a_full_disk_leaves_the_last_checkpoint_and_tells_the_need",
    ),
    Mutant(
        5,
        RESUME,
        "        self._keeper.require_room(self.model)\n",
        "",
        f"{R}/test_run_folders.py::test_a_disk_without_room_is_told_before_the_first_step",
    ),
    Mutant(
        7,
        "keras_fcn/training/fit.py",
        "    require_writable(folder)\n",
        "",
        f"{R}/test_run_folders.py::test_a_folder_that_may_not_be_written_to_is_told_before_training",
    ),
    Mutant(
        8,
        "keras_fcn/checkpoints/signals.py",
        "            signal.signal(other, signal.SIG_DFL)",
        "            pass",
        f"{R}/test_signals.py::test_a_second_signal_ends_at_once",
    ),
    # A signal in validation leaves metrics of the validation as those of the epoch.
    Mutant(
        8,
        KEEPER,
        "values = counted or (self.passing(model) if repeat else _generators())",
        "values = self.passing(model) if repeat else _generators()",
        f"{R}/test_signals.py::test_a_signal_stops_with_a_checkpoint_to_go_on_from",
    ),
    Mutant(
        9,
        "keras_fcn/checkpoints/state.py",
        """    if values.dtype.kind == "f" and not np.isfinite(values).all():""",
        "    if False:",
        f"{R}/test_training_stops.py::test_weights_that_are_no_numbers_never_become_a_checkpoint",
    ),
    Mutant(
        9,
        "keras_fcn/training/callbacks.py",
        "            self._raise(loss, where)\n",
        "",
        f"{R}/test_training_stops.py::test_a_loss_that_is_no_number_is_told_with_step_rate_and_samples",
    ),
    Mutant(
        26,
        "keras_fcn/training/fit.py",
        "    lock.acquire()\n",
        "",
        f"{R}/test_run_folders.py::test_two_processes_do_not_train_into_one_folder",
    ),
    Mutant(
        27,
        FILE,
        "key=lambda c: (c.step, c.epoch, c.checksum)",
        "key=lambda c: c.path.stat().st_mtime",
        f"{R}/test_damaged_checkpoints.py::test_the_newest_is_the_one_with_the_highest_step",
    ),
    Mutant(
        28,
        "keras_fcn/training/fit.py",
        "        require_same_config(folder, config, allow_config_change)\n",
        "",
        f"{R}/test_run_folders.py::test_another_configuration_is_refused_with_what_differs",
    ),
    Mutant(
        28,
        "keras_fcn/datasets/sample_check.py",
        "        sample.content = _digest(label, sample.fingerprint)[:16]",
        "        sample.content = sample.fingerprint[:16]",
        f"{R}/test_run_folders.py::test_other_data_are_refused_by_the_name_of_the_sample",
    ),
    Mutant(
        29,
        "keras_fcn/cli/__init__.py",
        "    return type(error).__name__ in names or any(word in str(error) for word in words)",
        "    return False",
        f"{R}/test_run_folders.py::test_out_of_memory_is_told_with_what_to_lower",
    ),
]
