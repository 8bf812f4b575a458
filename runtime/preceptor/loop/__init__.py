"""The state machine: events, fold, next step, runner."""
