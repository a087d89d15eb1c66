"""The test bench: real devices over MQTT beside what is simulated, in real time."""
