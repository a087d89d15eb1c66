"""Evidence: from hazards and safety goals to claims on runs, as a report that an assessor can follow backwards."""
