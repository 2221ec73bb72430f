"""shalab's `mlp` encoder and expert heads as MultiVae's encoders and decoders,
with shalab's parameter names inside, so that its weights load by name."""

import math

import torch
from multivae.models.nn.base_architectures import BaseMultilatentEncoder
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn.base_architectures import BaseDecoder, BaseEncoder
from torch import nn
from torch.nn.functional import relu


class Mlp(nn.ModuleList):
    def __init__(self, *widths):
        super().__init__(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, x):
        for index, layer in enumerate(self):
            x = layer(relu(x) if index > 0 else x)
        return x


def hidden(sizes):
    return [sizes["encoder"]["width"]] * (sizes["encoder"]["layers"] - 1)


class Tower(nn.Module):
    """Tokens come one-hot, as MultiVae wants them."""

    def __init__(self, sizes, modality):
        super().__init__()
        count = math.prod(modality["shape"])
        if modality["kind"] == "tokens":
            columns = sizes["encoder"]["embedding"]
            self.embedding = nn.Embedding(modality["symbols"], columns)
            count *= columns
        self.mlp = Mlp(count, *hidden(sizes), sizes["features"])

    def forward(self, x):
        if hasattr(self, "embedding"):
            x = self.embedding(x.argmax(-1))
        return self.mlp(x.flatten(1))


class Head(nn.Module):
    def __init__(self, features, latent):
        super().__init__()
        self.location = nn.Linear(features, latent)
        self.scale = nn.Linear(features, latent)


class Encoder(BaseEncoder):
    def __init__(self, sizes, modality):
        super().__init__()
        self.latent_dim = sizes["latent"]
        self.shared = Tower(sizes, modality)
        self.head = Head(sizes["features"], self.latent_dim)

    def forward(self, x):
        h = self.shared(x)
        return ModelOutput(
            embedding=self.head.location(h), log_covariance=self.head.scale(h)
        )


class PrivateEncoder(BaseMultilatentEncoder):
    def __init__(self, sizes, modality, private):
        super().__init__()
        self.latent_dim = sizes["latent"]
        self.style_dim = private
        self.shared = Tower(sizes, modality)
        self.head = Head(sizes["features"], self.latent_dim)
        self.private = Tower(sizes, modality)
        self.private_head = Head(sizes["features"], private)

    def forward(self, x):
        h, own = self.shared(x), self.private(x)
        return ModelOutput(
            embedding=self.head.location(h),
            log_covariance=self.head.scale(h),
            style_embedding=self.private_head.location(own),
            style_log_covariance=self.private_head.scale(own),
        )


class Decoder(BaseDecoder):
    def __init__(self, sizes, modality, private):
        super().__init__()
        self.latent_dim = sizes["latent"] + private
        self.event = list(modality["shape"])
        if modality["kind"] == "tokens":
            self.event.append(modality["symbols"])
        self.decoder = Mlp(self.latent_dim, *hidden(sizes), math.prod(self.event))

    def forward(self, code):
        flat = self.decoder(code)
        return ModelOutput(reconstruction=flat.reshape(len(code), *self.event))


def load(network, weights, prefixes):
    """Fills `network` from `weights` and takes what it used out of them.
    prefixes: of our names by prefix of the network's."""
    state = {}
    for own in network.state_dict():
        prefix = next(p for p in prefixes if own.startswith(p))
        state[own] = weights.pop(prefixes[prefix] + own[len(prefix) :])
    network.load_state_dict(state)


def networks(sizes, private, weights):
    """Encoders and decoders by modality name; what is left in `weights`
    belongs to priors."""
    encoders, decoders = {}, {}
    for modality in sizes["modalities"]:
        name = modality["name"]
        encoder = (
            PrivateEncoder(sizes, modality, private)
            if private
            else Encoder(sizes, modality)
        )
        load(
            encoder,
            weights,
            {
                "shared.": f"encoder_{name}.shared.",
                "head.": f"fusion.experts.{name}.",
                "private.": f"encoder_{name}.private.",
                "private_head.": f"private.{name}.",
            },
        )
        decoder = Decoder(sizes, modality, private)
        load(decoder, weights, {"decoder.": f"encoder_{name}.decoder."})
        encoders[name], decoders[name] = encoder, decoder
    return encoders, decoders


def one_hot(tokens, symbols):
    return torch.nn.functional.one_hot(tokens, symbols).float()
