"""ShaLa in plain eager PyTorch, as one writes it in a research repository: the
networks of shalab's first stage and of its diffusion prior."""

import math

import torch
from torch import nn
from torch.nn import functional as f

MODALITIES = 5
FEATURES = 128
LATENT = 64
WIDTH = 512
BLOCKS = 4
STEPS = 1000


def encoder():
    channels = [3, 32, 64, 128]
    layers = []
    for a, b in zip(channels, channels[1:]):
        layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, FEATURES))


def decoder():
    return nn.Sequential(
        nn.Linear(LATENT, 2048),
        nn.ReLU(),
        nn.Unflatten(1, (128, 4, 4)),
        nn.ConvTranspose2d(128, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 3, 3, stride=2, padding=1, output_padding=1),
    )


class FirstStage(nn.Module):
    """Concat fusion, N(0, I) prior, Laplace likelihood of scale 0.75."""

    def __init__(self):
        super().__init__()
        self.encoders = nn.ModuleList(encoder() for _ in range(MODALITIES))
        self.decoders = nn.ModuleList(decoder() for _ in range(MODALITIES))
        sizes = [MODALITIES * FEATURES, 512, 512, 512]
        layers = []
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b), nn.SiLU()]
        self.fusion = nn.Sequential(*layers, nn.Linear(512, 2 * LATENT))

    def forward(self, x):
        h = torch.cat([e(x_m) for e, x_m in zip(self.encoders, x)], 1)
        mean, log_var = self.fusion(h).chunk(2, 1)
        posterior = torch.distributions.Normal(mean, (0.5 * log_var).exp())
        z = posterior.rsample()
        kl = 0.5 * (log_var.exp() + mean**2 - 1 - log_var).sum(1)
        fit = 0
        for decode, x_m in zip(self.decoders, x):
            fit += torch.distributions.Laplace(decode(z), 0.75).log_prob(x_m).sum((1, 2, 3))
        return (kl - fit).mean()


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH, elementwise_affine=False, eps=1e-6)
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x, shift, scale, gate):
        y = self.norm(x) * (1 + scale) + shift
        return x + gate * self.down(f.silu(self.up(y)))


class DiffusionPrior(nn.Module):
    """Velocity prediction by a residual MLP with adaptive layer norms."""

    def __init__(self):
        super().__init__()
        self.conditions = nn.ModuleList(
            nn.Linear(FEATURES, WIDTH) for _ in range(MODALITIES)
        )
        self.vectors = nn.Parameter(torch.randn(MODALITIES, WIDTH) * 0.02)
        self.null = nn.Parameter(torch.randn(WIDTH) * 0.02)
        self.time = nn.Sequential(nn.Linear(256, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.input = nn.Linear(LATENT, WIDTH)
        self.modulation = nn.Linear(WIDTH, (3 * BLOCKS + 2) * WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH, elementwise_affine=False, eps=1e-6)
        self.output = nn.Linear(WIDTH, LATENT)
        betas = torch.linspace(1e-4, 0.02, STEPS)
        self.register_buffer("alpha_bar", torch.cumprod(1 - betas, 0))
        exponents = -math.log(10000) * torch.arange(128) / 128
        self.register_buffer("frequencies", exponents.exp())

    def predict(self, z, time, condition):
        angles = time[:, None] * self.frequencies
        t = self.time(torch.cat([angles.cos(), angles.sin()], 1))
        parts = self.modulation(f.silu(t + condition)).chunk(3 * BLOCKS + 2, 1)
        x = self.input(z)
        for index, block in enumerate(self.blocks):
            x = block(x, *parts[3 * index : 3 * index + 3])
        return self.output(self.norm(x) * (1 + parts[-1]) + parts[-2])

    def forward(self, z, features):
        rows = len(z)
        time = torch.randint(0, STEPS, (rows,))
        alpha = self.alpha_bar[time].sqrt()[:, None]
        sigma = (1 - self.alpha_bar[time]).sqrt()[:, None]
        parts = [h.chunk(MODALITIES)[m] for m, h in enumerate(features)]
        told = [c(part) + v for c, part, v in zip(self.conditions, parts, self.vectors)]
        condition = torch.cat(told)
        dropped = torch.rand(rows, 1) < 0.1
        condition = torch.where(dropped, self.null, condition)
        noise = torch.randn_like(z)
        prediction = self.predict(alpha * z + sigma * noise, time.float(), condition)
        return f.mse_loss(prediction, alpha * noise - sigma * z)
