"""Evaluations: drafts of a scoring by a model, or by rule, with evidence that is checked; see docs/evaluation.md."""

from conversations.evaluation.asking import EvaluationRuleError, cost_of, evaluate, strike, undrafted, unstrike
from conversations.evaluation.calibration import hidden_positions, shown_levels
from conversations.evaluation.drafts import Draft, draft_of, evidence_for

__all__ = [
    "Draft",
    "EvaluationRuleError",
    "cost_of",
    "draft_of",
    "evaluate",
    "evidence_for",
    "hidden_positions",
    "shown_levels",
    "strike",
    "undrafted",
    "unstrike",
]
