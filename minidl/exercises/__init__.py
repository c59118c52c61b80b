"""Checks for the book's exercises: they judge the reader's code and name the mistake.

Chapter: every one ("Your turn").
Sources: srush's puzzles; Hestenes et al. 1992 (a wrong answer comes from a wrong idea).
Real: an auto-grader says pass or fail; the message is the exercise.

    from minidl.exercises.network import check_slope
    check_slope(slope)          # a Verdict: prints ✓ or "✗ not yet", true or false

A notebook has two cells an exercise, each complete by itself (its imports, the reader's
function, the check as last line): the id `stub-slope` of the one she fills in, and
`solution-slope` of the folded answer.  tests/exercises runs both.
"""

from minidl.exercises.verdict import NotYet, Verdict, call, exercise, near, need

__all__ = ["exercise", "need", "call", "near", "NotYet", "Verdict"]
