"""A small org.freedesktop.systemd1, by an independent D-Bus implementation (dbus-fast).

usage: fake-systemd.py BUS_ADDRESS    prints "ready" when the name is owned, then serves until it is killed
"""

import asyncio
import sys

from dbus_fast import BusType, RequestNameReply
from dbus_fast.aio import MessageBus
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_property, method

ROWS = {
    "shop.service": ["shop.service", "A shop \u00fc", "loaded", "active", "running", "", "/org/freedesktop/systemd1/unit/shop_2eservice", 0, "", "/"],
    "bad.service": ["bad.service", "Broken", "loaded", "failed", "failed", "", "/org/freedesktop/systemd1/unit/bad_2eservice", 0, "", "/"],
}


class Manager(ServiceInterface):
    def __init__(self):
        super().__init__("org.freedesktop.systemd1.Manager")

    @method()
    def ListUnitsByNames(self, names: "as") -> "a(ssssssouso)":
        missing = lambda name: [name, name, "not-found", "inactive", "dead", "", "/org/freedesktop/systemd1/unit/x", 0, "", "/"]
        return [ROWS.get(name, missing(name)) for name in names]

    @method()
    def ListUnitsFiltered(self, states: "as") -> "a(ssssssouso)":
        return [row for row in ROWS.values() if row[3] in states]


class Service(ServiceInterface):
    def __init__(self):
        super().__init__("org.freedesktop.systemd1.Service")

    @dbus_property(access=PropertyAccess.READ)
    def NRestarts(self) -> "u":
        return 3

    @dbus_property(access=PropertyAccess.READ)
    def MainPID(self) -> "u":
        return 4242

    @dbus_property(access=PropertyAccess.READ)
    def Result(self) -> "s":
        return "success"

    @dbus_property(access=PropertyAccess.READ)
    def ControlGroup(self) -> "s":
        return "/system.slice/shop.service"

    @dbus_property(access=PropertyAccess.READ)
    def MemoryCurrent(self) -> "t":
        return 2**63

    @dbus_property(access=PropertyAccess.READ)
    def ExecStart(self) -> "a(sasbttttuii)":
        return [["/bin/shop", ["/bin/shop", "--port", "80"], False, 1, 2, 3, 4, 5, 0, 0]]

    @dbus_property(access=PropertyAccess.READ)
    def CPUWeight(self) -> "d":
        return 0.5


async def main():
    bus = await MessageBus(bus_address=sys.argv[1], bus_type=BusType.SYSTEM).connect()
    bus.export("/org/freedesktop/systemd1", Manager())
    for name in ("shop", "bad"):
        bus.export(f"/org/freedesktop/systemd1/unit/{name}_2eservice", Service())
    reply = await bus.request_name("org.freedesktop.systemd1")
    assert reply == RequestNameReply.PRIMARY_OWNER
    print("ready", flush=True)
    await asyncio.get_event_loop().create_future()


asyncio.run(main())
