from .summary import cases_table, faults_table, markdown, mutants_table, versions_of


def report(backend, cases, faults=(), **versions):
    faults = [
        dict(zip(("package", "version", "summary"), f, strict=True)) for f in faults
    ]
    return {
        "backend": backend,
        "python": "3.11.7",
        "versions": versions,
        "cases": cases,
        "faults": faults,
    }


FAULT = ("onnx", "1.0", "SAME_* is n*s [in, out]")
REPORTS = [
    report("tensorflow", {"a": 1000, "b": 2}, [FAULT], keras="3", jax="1"),
    report("torch", {"b": 5}, [FAULT], keras="3", jax="2"),
]


def test_cases_are_added_over_suites_and_backends():
    table = cases_table(REPORTS)
    assert table.header == ["Suite", "TensorFlow", "PyTorch", "all"]
    assert table.rows == [
        ["a", "1,000", "", "1,000"],
        ["b", "2", "5", "7"],
        ["all", "1,002", "5", "1,007"],
    ]


def test_mutants_that_cannot_be_made_leave_a_gap():
    table = mutants_table(
        {"flip": {"a": (1, 2), "b": (0, 0)}, "crop": {"a": (0, 3), "b": (4, 4)}}
    )
    assert table.header == ["Suite", "flip", "crop"]
    assert table.rows == [["a", "1 of 2", "0 of 3"], ["b", "", "4 of 4"]]


def test_a_fault_met_on_two_backends_is_one():
    assert faults_table(REPORTS).rows == [list(FAULT)]


def test_the_page_names_versions_and_shows_text_as_it_is():
    page = markdown([faults_table(REPORTS)], versions_of(REPORTS))
    assert "Python 3.11.7, keras 3, jax 1 and 2." in page
    assert r"| onnx | 1.0 | SAME\_\* is n\*s \[in, out\] |" in page
