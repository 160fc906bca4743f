import pytest

from ingest.errors import InputError
from tracker.config import TrackerConfig


def test_a_tracking_can_say_how_it_was_made() -> None:
    config = TrackerConfig(birth_cost=0.6, max_missed_frames=1)
    assert TrackerConfig(**config.as_dict()) == config  # type: ignore[arg-type] # a count of frames is a float there
    assert config.longest_step == 2


def test_a_whole_number_of_frames_in_any_form() -> None:
    config = TrackerConfig(max_missed_frames=2.0)  # type: ignore[arg-type] # as JSON may have it
    assert list(range(config.longest_step)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("field", "value"),
    [("birth_cost", -0.1), ("gap_cost", float("nan")), ("reach_in_diameters", 0), ("max_missed_frames", 2.5)],
)
def test_thresholds_that_mean_nothing_are_refused(field: str, value: float) -> None:
    with pytest.raises(InputError, match=f"tracker configuration: {field} of {value}"):
        TrackerConfig(**{field: value})  # type: ignore[arg-type] # any field
