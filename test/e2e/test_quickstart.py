# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/quickstart shows of two sites goes on working. All of it would take three times as
long: of the ways of its table there is only the last one here, on which the move and the end of a
site follow. Its first part is made of what all other tests use."""

from lab import fig6


def test_two_sites(lab):
    """The figure, the move and the end of site 2 are shown; each fails by itself (LabError)."""
    steps, said = [], []
    fig6.show(lambda title, why="": steps.append(title), said.append, lab, ways=("direct",))
    assert len(steps) == fig6.TITLES
    row = next(line.split() for line in said if line.startswith("site 2          site 2"))
    assert row[-2:] == ["0", "lines"]
    assert any("content as sent" in text for text in said)
