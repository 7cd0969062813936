import pytest

from keras_fcn.suggestions import require_choice

TOPOLOGIES = ("paper", "same", "pointwise")


@pytest.mark.parametrize("value", TOPOLOGIES)
def test_every_choice_is_accepted(value):
    require_choice("topology", value, TOPOLOGIES)


@pytest.mark.parametrize(
    ("value", "nearest"),
    [("papre", "paper"), ("SAME", "same"), ("point-wise", "pointwise")],
)
def test_a_misspelt_value_gets_the_nearest_choice(value, nearest):
    with pytest.raises(ValueError, match=f'Did you mean "{nearest}"') as error:
        require_choice("topology", value, TOPOLOGIES)
    assert f"topology={value!r}" in str(error.value)


@pytest.mark.parametrize("value", ["xyz", "", None, 3], ids=repr)
def test_a_value_like_no_choice_gets_no_suggestion(value):
    with pytest.raises(ValueError, match="Received: topology=") as error:
        require_choice("topology", value, TOPOLOGIES)
    assert repr(value) in str(error.value)
    assert "Did you mean" not in str(error.value)


def test_the_message_names_every_choice_in_order_even_of_an_iterator():
    with pytest.raises(ValueError, match='one of "paper", "same", "pointwise"'):
        require_choice("topology", "xyz", iter(TOPOLOGIES))


def test_a_choice_in_other_letters_is_not_that_choice():
    with pytest.raises(ValueError, match="topology='Same'"):
        require_choice("topology", "Same", TOPOLOGIES)
