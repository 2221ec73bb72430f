"""POLY-CONV, shalab's `conv28` with 512 features and expert heads, as
MultiVae's encoders and decoders of [B, 3, 28, 28]."""

from multivae.models.nn.base_architectures import BaseMultilatentEncoder
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn.base_architectures import BaseDecoder, BaseEncoder
from torch import nn

FEATURES = 512


def start_he(layer):
    """shalab's `init = he`: a transposed stride of 2 meets half the inputs."""
    if isinstance(layer, nn.ConvTranspose2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        layer.weight.data *= 2**0.5
    elif isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    else:
        return
    nn.init.zeros_(layer.bias)


def tower():
    channels = [3, 32, 64, 128]
    layers = []
    for a, b in zip(channels, channels[1:]):
        layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, FEATURES), nn.ReLU())


class Head(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.location = nn.Linear(FEATURES, latent)
        self.scale = nn.Linear(FEATURES, latent)

    def forward(self, h):
        return self.location(h), self.scale(h)


class Encoder(BaseEncoder):
    def __init__(self, latent):
        super().__init__()
        self.latent_dim = latent
        self.tower = tower()
        self.head = Head(latent)

    def forward(self, x):
        location, scale = self.head(self.tower(x))
        return ModelOutput(embedding=location, log_covariance=scale)


class PrivateEncoder(BaseMultilatentEncoder):
    """Shared and private latents by towers of their own."""

    def __init__(self, latent, private):
        super().__init__()
        self.latent_dim = latent
        self.style_dim = private
        self.tower, self.private_tower = tower(), tower()
        self.head, self.private_head = Head(latent), Head(private)

    def forward(self, x):
        location, scale = self.head(self.tower(x))
        own_location, own_scale = self.private_head(self.private_tower(x))
        return ModelOutput(
            embedding=location,
            log_covariance=scale,
            style_embedding=own_location,
            style_log_covariance=own_scale,
        )


class Decoder(BaseDecoder):
    def __init__(self, latent):
        super().__init__()
        self.latent_dim = latent
        self.decoder = nn.Sequential(
            nn.Linear(latent, 2048),
            nn.ReLU(),
            nn.Unflatten(1, (128, 4, 4)),
            nn.ConvTranspose2d(128, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 3, 3, stride=2, padding=1, output_padding=1),
        )

    def forward(self, code):
        # Several modalities or draws give [K, B, D] or [1, B, D].
        flat = code.reshape(-1, code.shape[-1])
        images = self.decoder(flat)
        return ModelOutput(
            reconstruction=images.reshape(*code.shape[:-1], *images.shape[1:])
        )
