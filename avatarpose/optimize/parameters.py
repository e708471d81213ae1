"""What a refinement may change: poses and roots frame by frame, on top of the start, and shapes."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl_torch import JointState, TorchSmpl
from avatarpose.geometry.rotation_torch import matrix_from_rotvec, rotvec_from_matrix

_BETA1, _BETA2, _EPSILON = 0.8, 0.95, 1e-8


class PoseVariables:
    """Poses of all people over the frames of a run.

    A joint's rotation is exp(turn) after the start rotation, so increments are small and never near
    the singularity of rotation vectors; every frame has its own (the released method makes
    corrections a function of the start pose, which ties frames with equal poses together).

    Attributes:
        pids: identities, in row order.
        frames: positions on the time base, in column order.
        valid: which person is there in which frame.
        betas: shapes.
        turns: increments of the local rotations (rad).
        transl: translations (m).
    """

    def __init__(
        self,
        poses: Mapping[int, PoseSequence],
        frames: Int[np.ndarray, " frames"],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.pids = tuple(poses)
        self.frames = np.asarray(frames)
        self._poses = dict(poses)
        self.valid = np.stack([poses[pid].valid[self.frames] for pid in self.pids])

        def stack(arrays: list[np.ndarray]) -> Tensor:
            return torch.tensor(np.stack(arrays), dtype=dtype, device=device)

        self.betas = stack([poses[pid].betas for pid in self.pids])
        start = stack([poses[pid].rotvecs[self.frames] for pid in self.pids])
        self._start = matrix_from_rotvec(start.double()).to(dtype)
        self.turns = torch.zeros_like(start)
        self.transl = stack([poses[pid].transl[self.frames] for pid in self.pids])
        self._moments = [torch.zeros_like(x) for x in (self.turns, self.turns)]
        self._moments += [torch.zeros_like(x) for x in (self.transl, self.transl)]
        self._counts = np.zeros(len(self.frames), np.int64)
        self._start_betas = self.betas.clone()
        self._beta_moments = [torch.zeros_like(self.betas), torch.zeros_like(self.betas)]
        self._beta_count = 0

    def rows(self, column: int) -> Int[np.ndarray, " people"]:
        """Rows of the people who are there."""
        return np.flatnonzero(self.valid[:, column])

    def rotations(
        self, rows: np.ndarray, column: int, turns: Float[Tensor, "people joints=24 3"]
    ) -> Float[Tensor, "people joints=24 3 3"]:
        """Local rotations for increments; differentiable in them."""
        return matrix_from_rotvec(turns) @ self._start[torch.as_tensor(rows), column]

    def state(self, smpl: TorchSmpl, rows: np.ndarray, column: int) -> JointState:
        """Joints of one frame, without gradient."""
        with torch.no_grad():
            index = torch.as_tensor(rows)
            turned = self.rotations(rows, column, self.turns[index, column])
            return smpl.joints_from_matrices(self.betas[index], turned, self.transl[index, column])

    def all_joints(self, smpl: TorchSmpl) -> Float[np.ndarray, "people frames joints=24 3"]:
        """Joints of everybody in every frame (m)."""
        with torch.no_grad():
            people, frames = self.transl.shape[:2]
            turned = (matrix_from_rotvec(self.turns) @ self._start).flatten(0, 1)
            betas = self.betas[:, None].expand(-1, frames, -1).flatten(0, 1)
            state = smpl.joints_from_matrices(betas, turned, self.transl.flatten(0, 1))
        return state.joints_world.reshape(people, frames, 24, 3).cpu().numpy()

    def step(
        self,
        rows: np.ndarray,
        column: int,
        turn_gradient: Float[Tensor, "people joints=24 3"],
        transl_gradient: Float[Tensor, "people 3"],
        turn_rate: Float[Tensor, "joints=24 1"] | float,
        transl_rate: float,
    ) -> None:
        """One Adam step (Kingma and Ba 2015) of one frame; other frames keep their momentum."""
        self._counts[column] += 1
        count = int(self._counts[column])
        index = torch.as_tensor(rows)
        for target, raw, first, second, rate in (
            (self.turns, turn_gradient, self._moments[0], self._moments[1], turn_rate),
            (self.transl, transl_gradient, self._moments[2], self._moments[3], transl_rate),
        ):
            gradient = torch.nan_to_num(raw)
            mean = first[index, column].mul(_BETA1).add(gradient, alpha=1 - _BETA1)
            square = second[index, column].mul(_BETA2).add(gradient**2, alpha=1 - _BETA2)
            first[index, column], second[index, column] = mean, square
            size = mean / (1 - _BETA1**count)
            spread = (square / (1 - _BETA2**count)).sqrt() + _EPSILON
            target[index, column] -= rate * size / spread

    def step_betas(
        self, rows: np.ndarray, gradient: Float[Tensor, "people 10"], rate: float
    ) -> None:
        """One Adam step of the shapes, which all frames share, with a weak pull to the start."""
        self._beta_count += 1
        index = torch.as_tensor(rows)
        full = torch.zeros_like(self.betas)
        full[index] = torch.nan_to_num(gradient) + 1e-3 * (self.betas - self._start_betas)[index]
        mean = self._beta_moments[0].mul_(0.9).add_(full, alpha=0.1)
        square = self._beta_moments[1].mul_(0.99).add_(full**2, alpha=0.01)
        size = mean / (1 - 0.9**self._beta_count)
        spread = (square / (1 - 0.99**self._beta_count)).sqrt() + _EPSILON
        self.betas -= rate * size / spread

    def forget(self, columns: np.ndarray | None = None) -> None:
        """Clear the momentum of some frames (all when None): at a new stage, or after an edit."""
        pick = slice(None) if columns is None else torch.as_tensor(columns)
        for moment in self._moments:
            moment[:, pick] = 0
        self._counts[slice(None) if columns is None else columns] = 0

    def replace(self, pid: int, poses: PoseSequence, columns: np.ndarray) -> None:
        """Some frames of a person start again from other poses (the user's)."""
        if pid not in self.pids or len(columns) == 0:
            return
        row = self.pids.index(pid)
        picked = self.frames[columns]
        kind = self._start.dtype
        rotvecs = torch.tensor(poses.rotvecs[picked], dtype=torch.float64)
        index = torch.as_tensor(columns)
        self._start[row, index] = matrix_from_rotvec(rotvecs).to(kind).to(self._start.device)
        self.turns[row, index] = 0
        self.transl[row, index] = torch.tensor(poses.transl[picked], dtype=kind).to(self.transl)
        self.forget(columns)

    def place(
        self,
        row: int,
        column: int,
        rotvecs: Float[np.ndarray, "joints=24 3"],
        transl: Float[np.ndarray, "3"],
    ) -> None:
        """One body goes elsewhere; unlike after `replace`, its momentum and its start stay."""
        wanted = matrix_from_rotvec(torch.tensor(rotvecs, dtype=torch.float64))
        start = self._start[row, column].double().cpu()
        turns = rotvec_from_matrix(wanted @ start.transpose(-1, -2))
        self.turns[row, column] = turns.to(self.turns)
        self.transl[row, column] = torch.as_tensor(transl).to(self.transl)

    def pose(
        self, row: int, column: int
    ) -> tuple[Float[np.ndarray, "joints=24 3"], Float[np.ndarray, "3"]]:
        """Local rotations (rad) and translation (m) of one body."""
        turned = matrix_from_rotvec(self.turns[row, column]) @ self._start[row, column]
        rotvecs = rotvec_from_matrix(turned.double()).float().cpu().numpy()
        return rotvecs, self.transl[row, column].float().cpu().numpy().copy()

    def poses(self) -> dict[int, PoseSequence]:
        """Everybody over the whole time base; frames outside the run are as they were."""
        turned = rotvec_from_matrix((matrix_from_rotvec(self.turns) @ self._start).double())
        rotvecs = turned.float().cpu().numpy()
        transl = self.transl.float().cpu().numpy()
        out = {}
        for row, pid in enumerate(self.pids):
            there = self.valid[row]
            source = self._poses[pid]
            moved = source.with_frames(self.frames[there], rotvecs[row][there], transl[row][there])
            out[pid] = replace(moved, betas=self.betas[row].float().cpu().numpy())
        return out

    def tensors(self) -> dict[str, Tensor]:
        """State for a checkpoint."""
        counts = {
            "counts": torch.from_numpy(self._counts),
            "beta_count": torch.tensor(self._beta_count),
        }
        return {name: value.clone() for name, value in (self._floating() | counts).items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back a state from `tensors`."""
        for name, value in self._floating().items():
            value.copy_(state[name])
        self._counts[:] = state["counts"].numpy()
        self._beta_count = int(state["beta_count"])

    def _floating(self) -> dict[str, Tensor]:
        names = ("turn_mean", "turn_square", "transl_mean", "transl_square")
        out = dict(zip(names, self._moments, strict=True))
        out |= {"start": self._start, "turns": self.turns, "transl": self.transl}
        out |= {"betas": self.betas, "start_betas": self._start_betas}
        out["beta_mean"], out["beta_square"] = self._beta_moments
        return out
