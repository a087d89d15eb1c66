"""`karyon daa`: recorded encounters of aircraft, judged by DO-365's alerting as a DAIDALUS configuration sets it."""
