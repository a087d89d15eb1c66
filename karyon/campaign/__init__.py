"""Many runs of a scenario with what varies between them: planned, spread over workers, repeatable one by one."""
