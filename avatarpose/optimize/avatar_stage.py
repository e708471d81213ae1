"""Learning avatars while poses stand still: the bodies do not move, so rays are prepared once."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from avatarpose.avatar.avatar import Avatar
from avatarpose.avatar.compositing import composite
from avatarpose.avatar.deformer import canonical_from_world, deform
from avatarpose.avatar.rendering import PixelBundle, sample_rays
from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.losses.photometric import colour_loss, exposed
from avatarpose.losses.silhouette import hard_surface, instance_loss, opacity_loss
from avatarpose.losses.weighted import WeightedSum
from avatarpose.optimize.parameters import PoseVariables
from avatarpose.optimize.pictures import Pictures
from avatarpose.optimize.pixels import PixelSampler
from avatarpose.optimize.schedule import Plan

_WEIGHTS = {"rgb": 10.0, "alpha": 0.3, "instance": 1.0, "hard": 0.02}


class Exposure:
    """Gain and offset of every camera's colours, learned with the avatars."""

    def __init__(self, camera_count: int, device: torch.device) -> None:
        self.gain = torch.zeros(camera_count, 3, device=device, requires_grad=True)
        self.offset = torch.zeros(camera_count, 3, device=device, requires_grad=True)

    def prior(self) -> Tensor:
        """Cameras are alike unless pictures say otherwise; their mean gain is one."""
        return (
            0.02 * self.gain.square().mean()
            + 0.1 * self.offset.square().mean()
            + self.gain.mean(0).square().sum()
        )


class RayPool:
    """Prepared rays of many frames with their samples in canonical space, padded to rectangles."""

    def __init__(
        self,
        plan: Plan,
        pictures: Pictures,
        sampler: PixelSampler,
        variables: PoseVariables,
        avatars: list[Avatar],
        smpl: TorchSmpl,
        topology: SurfaceTopology,
        generator: np.random.Generator,
        columns: np.ndarray,
        device: torch.device,
    ) -> None:
        self._parts: list[dict[str, Tensor]] = []
        self._people: list[dict[int, dict[str, Tensor]]] = []
        self._columns = columns
        self._build_arguments = (
            plan, pictures, sampler, variables, avatars, smpl, topology, generator, device
        )  # fmt: skip

    def build(self) -> Iterator[float]:
        """Prepare one frame after the other; yields the share done."""
        for done, column in enumerate(self._columns, start=1):
            self._add(int(column))
            yield done / len(self._columns)

    def _add(self, column: int) -> None:
        plan, pictures, sampler, variables, avatars, smpl, topology, generator, device = (
            self._build_arguments
        )
        rows = variables.rows(column)
        targets = sampler.draw(column, plan.pool_rays, generator)
        if len(targets.camera) == 0 or len(rows) == 0:
            return
        with torch.no_grad():
            index = torch.as_tensor(rows, device=device)
            state = variables.state(smpl, rows, column)
            skinned = smpl.skin(variables.betas[index], state)
            vertices = skinned.vertices_world.float().cpu().numpy()
            rays = sample_rays(
                PixelBundle(pictures.cameras, targets.camera, targets.pixel),
                list(vertices), topology, plan.band, generator, device,
            )  # fmt: skip
            people = {}
            for place, row in enumerate(rows):
                samples = rays.people[place]
                points = (
                    rays.origins[samples.ray] + samples.t_m[:, None] * rays.directions[samples.ray]
                )
                maps = canonical_from_world(skinned, avatars[row].canonical, place)
                people[int(row)] = {
                    "ray": samples.ray,
                    "slot": samples.slot,
                    "t": samples.t_m,
                    "step": samples.step_m,
                    "corners": samples.corners,
                    "barycentric": samples.barycentric,
                    "canonical": deform(points, maps, samples.corners, samples.barycentric),
                }
        self._parts.append(
            {
                "camera": torch.as_tensor(targets.camera, device=device),
                "rgb": torch.as_tensor(targets.rgb, device=device),
                "background": torch.as_tensor(targets.background, device=device),
                "foreground": torch.as_tensor(targets.foreground, device=device),
                "person": torch.as_tensor(targets.person, device=device),
                "weight": torch.as_tensor(targets.mask_weight, device=device),
            }
        )
        self._people.append(people)

    @property
    def part_count(self) -> int:
        """Frames prepared."""
        return len(self._parts)

    def batch(
        self, ray_count: int, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], dict[int, dict[str, Tensor]]]:
        """A random part of the rays of a few frames, renumbered, with their samples per person."""
        parts = min(4, self.part_count)
        picked = torch.randperm(self.part_count, generator=generator)[:parts].tolist()
        rays: dict[str, list[Tensor]] = {}
        people: dict[int, dict[str, list[Tensor]]] = {}
        offset = 0
        for part in picked:
            targets = self._parts[part]
            count = len(targets["camera"])
            wanted = min(count, ray_count // parts)
            chosen = torch.randperm(count, generator=generator)[:wanted].to(
                targets["camera"].device
            )
            new_index = torch.full((count,), -1, dtype=torch.int64, device=chosen.device)
            new_index[chosen] = torch.arange(wanted, device=chosen.device) + offset
            for name, value in targets.items():
                rays.setdefault(name, []).append(value[chosen])
            for row, samples in self._people[part].items():
                keep = new_index[samples["ray"]] >= 0
                store = people.setdefault(row, {})
                for name, value in samples.items():
                    kept = value[keep]
                    store.setdefault(name, []).append(new_index[kept] if name == "ray" else kept)
            offset += wanted
        return (
            {name: torch.cat(values) for name, values in rays.items()},
            {row: {n: torch.cat(v) for n, v in store.items()} for row, store in people.items()},
        )


class AvatarTrainer:
    """Optimises fields and exposures on a pool; a fresh optimiser per stage."""

    def __init__(self, plan: Plan, avatars: list[Avatar], exposure: Exposure, steps: int) -> None:
        self._plan, self._avatars, self._exposure = plan, avatars, exposure
        fields = [p for avatar in avatars for p in avatar.field.parameters()]
        is_cpu = fields[0].device.type == "cpu"
        self._optimiser = torch.optim.Adam(
            [
                {"params": fields, "lr": plan.avatar_rate},
                {"params": [exposure.gain, exposure.offset], "lr": 5e-3},
            ],
            betas=(0.9, 0.99),
            eps=1e-8,
            fused=is_cpu or None,
        )
        self._course = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, lambda step: 0.1 ** (step / max(steps, 1))
        )

    def step(self, pool: RayPool, generator: torch.Generator) -> WeightedSum:
        """One gradient step on a random batch."""
        rays, people = pool.batch(self._plan.avatar_rays, generator)
        count = len(rays["camera"])
        device = rays["rgb"].device
        rows = sorted(people)
        widths = [
            int(people[row]["slot"].max()) + 1 if len(people[row]["slot"]) else 1 for row in rows
        ]
        starts = np.concatenate([[0], np.cumsum(widths)])
        total = int(starts[-1])
        t = torch.zeros(count * total, device=device)
        length = torch.zeros(count * total, device=device)
        owner = torch.zeros(count, total, dtype=torch.int64, device=device)
        cells, densities, colours = [], [], []
        for place, row in enumerate(rows):
            samples = people[row]
            rgb, density = self._avatars[row].query(
                samples["canonical"], samples["corners"], samples["barycentric"]
            )
            cell = samples["ray"] * total + int(starts[place]) + samples["slot"]
            t[cell], length[cell] = samples["t"], samples["step"]
            owner[:, int(starts[place]) : int(starts[place + 1])] = row
            cells.append(cell)
            densities.append(density)
            colours.append(rgb)
        cell = torch.cat(cells)
        density = torch.zeros(count * total, device=device).index_put((cell,), torch.cat(densities))
        colour = torch.zeros(count * total, 3, device=device).index_put((cell,), torch.cat(colours))
        seen = composite(
            t.view(count, total), length.view(count, total), density.view(count, total),
            colour.view(count, total, 3), owner, len(self._avatars),
        )  # fmt: skip
        shown = exposed(
            seen.rgb, seen.alpha, self._exposure.gain, self._exposure.offset, rays["camera"]
        )
        shown = shown + (1 - seen.alpha)[:, None] * rays["background"]
        terms = WeightedSum(total=torch.zeros((), device=device))
        terms.add("rgb", colour_loss(shown, rays["rgb"]), _WEIGHTS["rgb"])
        terms.add(
            "alpha",
            opacity_loss(seen.alpha, rays["foreground"], rays["weight"]),
            _WEIGHTS["alpha"],
        )
        who = rays["person"][None] == torch.arange(len(self._avatars), device=device)[:, None]
        knows = rays["weight"] * ((rays["person"] >= 0) | (rays["foreground"] == 0))
        terms.add("instance", instance_loss(seen.instance, who, knows), _WEIGHTS["instance"])
        terms.add("hard surface", hard_surface(seen.alpha), _WEIGHTS["hard"])
        (terms.total + self._exposure.prior()).backward()
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._course.step()
        return terms
