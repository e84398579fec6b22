"""What Java is told for Cassandra: small, quick to start, and as open as the server needs its own runtime to be."""

from __future__ import annotations

from pathlib import Path

_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "java.base/java.lang.ref",
    "jdk.unsupported/sun.misc",
)
_OPENS = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.rmi/sun.rmi.transport.tcp",
    "jdk.management/com.sun.management.internal",
)
"""Packages of Java 17 that Cassandra 5.0 reaches into: those of its own jvm17-server.options that a runtime without a compiler has."""
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto")
"""The second compiler would take both cores of a small machine for minutes, and parallel collectors are no use on two cores."""


def server(java: Path, jars: list[Path], heap_mib: int, properties: dict[str, str], conf: Path) -> list[str]:
    """The command line of a Cassandra node; `properties` are its -D settings, `conf` is the folder of its settings."""
    agent = next(jar for jar in jars if jar.name.startswith("jamm-"))
    return [
        str(java),
        f"-Xms{heap_mib}M",
        f"-Xmx{heap_mib}M",
        "-Xss256k",
        "-XX:MaxDirectMemorySize=256M",
        "-XX:ReservedCodeCacheSize=96M",
        "-XX:+ExitOnOutOfMemoryError",
        *_QUICK,
        f"-javaagent:{agent}",
        *_opened(),
        *(f"-D{name}={value}" for name, value in properties.items()),
        "-cp",
        _class_path(jars, conf),
        "org.apache.cassandra.service.CassandraDaemon",
    ]


def tool(java: Path, jars: list[Path], conf: Path, jmx_port: int, arguments: tuple[str, ...]) -> list[str]:
    """The command line of nodetool, which talks to the node whose JMX listens on that port."""
    quiet = f"-Dlogback.configurationFile={conf / 'tool-logback.xml'}"
    main = "org.apache.cassandra.tools.NodeTool"
    own = f"-Duser.home={conf}"
    return [
        str(java), "-Xmx64M", *_QUICK, quiet, own, *_opened(), "-cp", _class_path(jars, conf), main, "-h", "127.0.0.1", "-p", str(jmx_port), *arguments,
    ]  # fmt: skip


def _class_path(jars: list[Path], conf: Path) -> str:
    return ":".join([str(conf), *map(str, jars)])


def _opened() -> list[str]:
    exports = [f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS]
    return exports + [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS]
