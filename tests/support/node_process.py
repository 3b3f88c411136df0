"""Node in a process of its own, which can be killed: it knows one joint of every radiograph."""

import sys
from pathlib import Path

from serving.bundle import ROOT
from serving.local.process import Service
from tests.support.modality import associate

CODE = """
import logging, sys
from serving.node.__main__ import run
from serving.node.options import Options
from serving.node.pauses import Pauses
logging.basicConfig(level=logging.INFO)
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
send_to, port, state, x, y = sys.argv[1:]
joints = [{"joint": "MCP3", "x": float(x), "y": float(y)}]
run(Options(send_to=send_to, port=int(port), state=state), find_joints=lambda _: joints, pauses=Pauses(0.2, 2.0))
"""


class NodeProcess(Service):
    """Running node.

    Args:
        state: its folder, which outlives it.
        port: number at which it listens.
        send_to: where results go.
        joint: column and row of the joint that it knows.
    """

    def __init__(self, state: Path, port: int, send_to: str, joint: tuple[float, float]) -> None:
        self.port = port
        command = [sys.executable, "-c", CODE, send_to, str(port), str(state), *map(str, joint)]
        super().__init__("the node", command, state / "node.log", timeout=120, folder=ROOT)

    def answers(self) -> bool:
        association = associate(self.port)
        if not association.is_established:
            return False
        status = association.send_c_echo()
        association.release()
        return status.get("Status") == 0
