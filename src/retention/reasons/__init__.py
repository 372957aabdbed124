"""Why customers leave, in Keaveney's categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.reasons.agreement.reason_agreement import reason_agreement as reason_agreement
    from retention.reasons.categories import PublishedShare as PublishedShare
    from retention.reasons.categories import ReasonCategory as ReasonCategory
    from retention.reasons.categories import Subcategory as Subcategory
    from retention.reasons.categories import reason_categories as reason_categories
    from retention.reasons.figures.by_segment import reasons_by_segment as reasons_by_segment
    from retention.reasons.figures.incidence import reason_incidence as reason_incidence
    from retention.reasons.figures.reason_summary import reason_cooccurrence as reason_cooccurrence
    from retention.reasons.figures.reason_summary import reason_summary as reason_summary
    from retention.reasons.figures.trend import reason_trend as reason_trend
    from retention.reasons.learning import fit_reason_model as fit_reason_model
    from retention.reasons.lexicon.lexicon import Lexicon as Lexicon
    from retention.reasons.lexicon.lexicon import extend_lexicon as extend_lexicon
    from retention.reasons.lexicon.lexicon import load_lexicon as load_lexicon
    from retention.reasons.model.model import ReasonModel as ReasonModel
    from retention.reasons.model.model import load_reason_model as load_reason_model
    from retention.reasons.notes.redaction import redact_pii as redact_pii
    from retention.reasons.tags.by_annotator import Annotation as Annotation
    from retention.reasons.tags.by_annotator import Annotator as Annotator
    from retention.reasons.tags.by_code import map_reason_codes as map_reason_codes
    from retention.reasons.tags.note_table import note_reasons as note_reasons
    from retention.reasons.tags.prompting import reason_prompt as reason_prompt
    from retention.reasons.tags.prompting import reason_schema as reason_schema
    from retention.reasons.tags.tagging import tag_reasons as tag_reasons

_HOMES = {
    "Annotation": "tags.by_annotator",
    "Annotator": "tags.by_annotator",
    "Lexicon": "lexicon.lexicon",
    "PublishedShare": "categories",
    "ReasonCategory": "categories",
    "ReasonModel": "model.model",
    "Subcategory": "categories",
    "extend_lexicon": "lexicon.lexicon",
    "fit_reason_model": "learning",
    "load_lexicon": "lexicon.lexicon",
    "load_reason_model": "model.model",
    "map_reason_codes": "tags.by_code",
    "note_reasons": "tags.note_table",
    "reason_agreement": "agreement.reason_agreement",
    "reason_categories": "categories",
    "reason_cooccurrence": "figures.reason_summary",
    "reason_incidence": "figures.incidence",
    "reason_prompt": "tags.prompting",
    "reason_schema": "tags.prompting",
    "reason_summary": "figures.reason_summary",
    "reason_trend": "figures.trend",
    "reasons_by_segment": "figures.by_segment",
    "redact_pii": "notes.redaction",
    "tag_reasons": "tags.tagging",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)
