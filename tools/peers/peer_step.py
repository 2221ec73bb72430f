"""Times training steps of a Python peer and prints one JSON object.

    peer_step.py SYSTEM [--batch N] [--steps N] [--warmup N] [--threads N]

SYSTEM: mvtcae, mvae, mopoe, mmvae, mmvae_plus or cmvae of MultiVae, the last two
also with its residual networks (mmvae_plus_resnet, cmvae_resnet); shala (first
stage) or prior (its diffusion prior) in plain eager PyTorch. Data lie in memory
as uint8 and a step gathers its batch, which spares MultiVae its data loader.
"""

import argparse
import json
import logging
import statistics
import time

import torch

NAMES = [f"m{m}" for m in range(5)]
ITEMS = 20000


def networks(has_private, is_residual):
    """Encoders and decoders of MultiVae's models."""
    from multivae.models.nn import mmnist
    from poly_conv import Decoder, Encoder, PrivateEncoder

    if is_residual:
        encoders = {n: mmnist.EncoderResnetMMNIST(32, 32) for n in NAMES}
        return encoders, {n: mmnist.DecoderResnetMMNIST(64) for n in NAMES}
    if has_private:
        encoders = {n: PrivateEncoder(32, 32) for n in NAMES}
        return encoders, {n: Decoder(64) for n in NAMES}
    return {n: Encoder(512) for n in NAMES}, {n: Decoder(512) for n in NAMES}


def multivae_system(name):
    """The model."""
    from multivae import models as m

    system = name.removesuffix("_resnet")

    laplace = dict(
        n_modalities=len(NAMES),
        input_dims={name: (3, 28, 28) for name in NAMES},
        decoders_dist={name: "laplace" for name in NAMES},
        decoder_dist_params={name: {"scale": 0.75} for name in NAMES},
    )
    whole = dict(latent_dim=512, **laplace)
    sampled = dict(K=1, prior_and_posterior_dist="laplace_with_softmax")
    parts = dict(
        latent_dim=32, modalities_specific_dim=32, beta=2.5, loss="iwae_looser",
        **sampled, **laplace,
    )  # fmt: skip
    config = {
        "mvtcae": lambda: m.MVTCAEConfig(alpha=5 / 6, beta=2.5, **whole),
        "mvae": lambda: m.MVAEConfig(
            use_subsampling=True, k=0, warmup=0, beta=2.5, **whole
        ),
        "mopoe": lambda: m.MoPoEConfig(beta=2.5, **whole),
        "mmvae": lambda: m.MMVAEConfig(
            learn_prior=True, loss="dreg_looser", **sampled, **whole
        ),
        "mmvae_plus": lambda: m.MMVAEPlusConfig(**parts),
        "cmvae": lambda: m.CMVAEConfig(number_of_clusters=40, **parts),
    }[system]()
    model = {
        "mvtcae": m.MVTCAE, "mvae": m.MVAE, "mopoe": m.MoPoE, "mmvae": m.MMVAE,
        "mmvae_plus": m.MMVAEPlus, "cmvae": m.CMVAE,
    }[system]  # fmt: skip
    has_private = bool(getattr(config, "modalities_specific_dim", None))
    return model(config, *networks(has_private, name != system))


class Images:
    """uint8 tuples in memory."""

    def __init__(self):
        self.data = [
            torch.randint(0, 256, (ITEMS, 3, 28, 28), dtype=torch.uint8) for _ in NAMES
        ]

    def batch(self, size):
        which = torch.randint(0, ITEMS, (size,))
        return [x[which].float() / 255 for x in self.data]


def multivae_step(system, batch):
    from multivae.data.datasets.base import MultimodalBaseDataset

    model, images = multivae_system(system).train(), Images()
    amsgrad = system.startswith(("mmvae", "cmvae"))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, amsgrad=amsgrad)

    def step():
        optimiser.zero_grad()
        data = dict(zip(NAMES, images.batch(batch)))
        model(MultimodalBaseDataset(data), epoch=1, batch_ratio=0).loss.backward()
        optimiser.step()

    return step, model


def shala_step(batch):
    import eager

    model, images = eager.FirstStage(), Images()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        optimiser.zero_grad()
        model(images.batch(batch)).backward()
        optimiser.step()

    return step, model


def prior_step(batch):
    import eager

    model = eager.DiffusionPrior()
    average = [p.detach().clone() for p in model.parameters()]
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    z = torch.randn(ITEMS, eager.LATENT)
    features = [torch.randn(ITEMS, eager.FEATURES) for _ in NAMES]

    def step():
        optimiser.zero_grad()
        which = torch.randint(0, ITEMS, (batch,))
        model(z[which], [h[which] for h in features]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(model.parameters()), 1e-3)

    return step, model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    logging.disable(logging.INFO)
    torch.manual_seed(1)
    made = {"shala": shala_step, "prior": prior_step}.get(options.system)
    step, model = (
        made(options.batch) if made else multivae_step(options.system, options.batch)
    )
    seconds = []
    for _ in range(options.warmup + options.steps):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    kept = seconds[options.warmup :]
    report = {
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "threads": torch.get_num_threads(),
        "step_seconds": {
            "median": statistics.median(kept), "minimum": min(kept), "maximum": max(kept),
        },
    }  # fmt: skip
    print(json.dumps(report))


if __name__ == "__main__":
    main()
