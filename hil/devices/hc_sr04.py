"""HC-SR04 on an ESP32: a distance every 60 ms over MQTT, and answers to the bench's pings. MicroPython 1.20 or later.

Copy it to the board as main.py, with your network and broker below. See README.md for the wiring.
"""

import json
import time

try:
    import machine
    import network
    from umqtt.simple import MQTTClient
except ImportError:  # under CPython, where the tests run it: they put their own in place
    machine = network = MQTTClient = None

WIFI = ("your network", "its password")
BROKER, PORT, USER, PASSWORD = "192.168.1.20", 1883, "karyon", "from the bench's screen"
SENSOR = "karyon/1/1/front.distance"
TRIGGER, ECHO = 5, 18  # pins
PERIOD = 60  # ms
FARTHEST = 23_500  # us of echo, 4 m
SPEED_OF_SOUND = 343.0  # m/s at 20 degrees
SIGMA = 0.003  # m


class Clock:
    """ns since the start by `ticks_us`, which wraps after some minutes: this one goes on."""

    def __init__(self):
        self._last = time.ticks_us()
        self._us = 0

    def now(self):
        """The time, ns."""
        ticks = time.ticks_us()
        self._us += time.ticks_diff(ticks, self._last)
        self._last = ticks
        return self._us * 1000 + 1  # 0 would be no time


def distance(echo):
    """m for an echo of so many us; None: there was none."""
    if echo < 0 or echo > FARTHEST:
        return None
    return echo * 1e-6 * SPEED_OF_SOUND / 2


def measurement(number, taken, metres):
    """What is published."""
    said = {"v": 1, "seq": number, "t": taken, "clk": "boot", "val": [metres], "unit": ["m"], "sigma": [SIGMA]}
    said["q"] = "ok"
    return json.dumps(said)


def pong(payload, received, clock):
    """The answer to a ping; None: it is none."""
    try:
        ping = json.loads(payload)
        return json.dumps({"v": 1, "id": ping["id"], "t1": ping["t1"], "t2": received, "t3": clock.now()})
    except (ValueError, KeyError, TypeError):
        return None


def run(client, echo, clock, cycles=None):
    """Measure and answer for ever, or for so many cycles. `echo` measures: us, negative where none came."""

    def answer(topic, payload):
        said = pong(payload, clock.now(), clock)
        if said is not None:
            client.publish(SENSOR + "/clock/pong", said)

    client.set_callback(answer)
    client.set_last_will(SENSOR + "/$state", "lost", True)
    client.connect()
    client.publish(SENSOR + "/$state", "ready", True)
    client.subscribe(SENSOR + "/clock/ping")
    number = 0
    while cycles is None or number < cycles:
        begin = time.ticks_ms()
        taken = clock.now()
        metres = distance(echo())
        number += 1
        client.publish(SENSOR + "/m", measurement(number, taken, metres))
        while True:
            client.check_msg()
            if time.ticks_diff(time.ticks_ms(), begin) >= PERIOD:
                break
            time.sleep_ms(2)


def main():
    """On the board."""
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    wlan.config(pm=wlan.PM_NONE)  # no power saving: messages must not wait
    wlan.connect(*WIFI)
    while not wlan.isconnected():
        time.sleep_ms(100)
    trigger, listen = machine.Pin(TRIGGER, machine.Pin.OUT, value=0), machine.Pin(ECHO, machine.Pin.IN)

    def echo():
        trigger.on()
        time.sleep_us(10)
        trigger.off()
        return machine.time_pulse_us(listen, 1, FARTHEST + 2000)

    while True:
        try:
            run(MQTTClient("hc-sr04", BROKER, PORT, USER, PASSWORD, keepalive=10), echo, Clock())
        except OSError:  # the network or the broker is gone: once more
            time.sleep_ms(1000)


if machine is not None:
    main()
