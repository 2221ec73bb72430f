"""MultiVae's models from the settings of systems.json, and their loss terms
under shalab's names.

NAME(...) makes a model, NAME_terms(...) measures it: {term: number}, the loss
still with its graph. Terms are means over the batch: MultiVae's MMVAE, MMVAE+
and CMVAE sum over it, which is divided out here.
"""

from itertools import combinations

import torch
from multivae.data.datasets.base import MultimodalBaseDataset
from multivae.models import (
    CMVAE,
    MMVAE,
    MVAE,
    MVTCAE,
    CMVAEConfig,
    MMVAEConfig,
    MMVAEPlus,
    MMVAEPlusConfig,
    MoPoE,
    MoPoEConfig,
    MVAEConfig,
    MVTCAEConfig,
)

LOSSES = {"iwae": "iwae_looser", "dreg": "dreg_looser"}


def common(sizes):
    """Settings that every model shares."""
    modalities = sizes["modalities"]
    return dict(
        n_modalities=len(modalities),
        latent_dim=sizes["latent"],
        input_dims={m["name"]: tuple(m["shape"]) for m in modalities},
        uses_likelihood_rescaling=True,
        rescale_factors={m["name"]: m["weight"] for m in modalities},
        decoders_dist={m["name"]: m["likelihood"] for m in modalities},
        decoder_dist_params={
            m["name"]: {"scale": m["scale"]}
            for m in modalities
            if m["likelihood"] in ("normal", "laplace")
        },
    )


class Recorder:
    """Notes each log-likelihood that a model computes, in order, as its mean
    over batch and draws."""

    def __init__(self, model):
        self.seen = []
        for name, log_prob in model.recon_log_probs.items():
            model.recon_log_probs[name] = self.watched(name, log_prob)

    def watched(self, name, log_prob):
        def call(reconstruction, target):
            value = log_prob(reconstruction, target)
            rows = value.numel() / target[0].numel()
            self.seen.append((name, float(value.detach().sum() / rows)))
            return value

        return call

    def means(self):
        """By modality over all calls."""
        return {
            name: sum(v for n, v in self.seen if n == name)
            / sum(n == name for n, _ in self.seen)
            for name in dict(self.seen)
        }


def likelihoods(means):
    return {f"log_likelihood.{name}": value for name, value in means.items()}


def mvae(sizes, settings, encoders, decoders, weights):
    objective = settings["objective"]
    config = MVAEConfig(
        **common(sizes),
        use_subsampling=True,
        k=objective["random_subsets"],
        warmup=int(objective["kl_warmup"]),
        beta=objective["kl_weight"],
    )
    return MVAE(config, encoders, decoders)


def mvae_terms(model, data, settings):
    recorder, names = Recorder(model), list(data)
    # MultiVae's epochs count from 1.
    epoch, ratio = divmod(settings["epoch"], 1)
    output = model(MultimodalBaseDataset(data), epoch=epoch + 1, batch_ratio=ratio)
    metrics = output.metrics
    joint = "_".join(sorted(names))
    count = len(names)
    seen = [value for _, value in recorder.seen]
    random = [name for name, _ in recorder.seen[2 * count :]]
    terms = {"loss": output.loss, **likelihoods(dict(recorder.seen[:count]))}
    terms["kl"] = metrics["kld" + joint]
    terms["elbo"] = sum(seen[:count]) - terms["kl"]
    for index, name in enumerate(names):
        terms["elbo." + name] = seen[count + index] - metrics["kld" + name]
    terms["elbo_of_random_subsets"] = (
        sum(seen[2 * count :]) - metrics["kld" + "_".join(sorted(random))]
    )
    return terms


def mopoe(sizes, settings, encoders, decoders, weights):
    names = [m["name"] for m in sizes["modalities"]]
    # The order in which shalab counts subsets, so that each sample of the
    # batch meets the same one on both sides.
    subsets = [s for n in range(1, len(names) + 1) for s in combinations(names, n)]
    subsets.sort(key=lambda s: sum(2 ** names.index(name) for name in s))
    config = MoPoEConfig(
        **common(sizes),
        subsets=[list(s) for s in subsets],
        beta=settings["objective"]["kl_weight"],
    )
    return MoPoE(config, encoders, decoders)


def mopoe_terms(model, data, settings):
    recorder = Recorder(model)
    output = model(MultimodalBaseDataset(data))
    means = recorder.means()
    terms = {"loss": output.loss, **likelihoods(means)}
    terms["kl"] = output.metrics["joint_divergence"]
    terms["elbo"] = sum(means.values()) - terms["kl"]
    return terms


def mvtcae(sizes, settings, encoders, decoders, weights):
    config = MVTCAEConfig(
        **common(sizes),
        alpha=settings["objective"]["tc_ratio"],
        beta=settings["objective"]["kl_weight"],
    )
    return MVTCAE(config, encoders, decoders)


def mvtcae_terms(model, data, settings):
    recorder = Recorder(model)
    output = model(MultimodalBaseDataset(data))
    batch = len(next(iter(data.values())))
    means = recorder.means()
    terms = {"loss": output.loss, **likelihoods(means)}
    terms["kl"] = output.metrics["joint_divergence"] / batch
    for name in data:
        terms["kl_to." + name] = output.metrics["kld_" + name] / batch
    terms["elbo"] = sum(means.values()) - terms["kl"]
    return terms


def mmvae(sizes, settings, encoders, decoders, weights):
    config = MMVAEConfig(
        **common(sizes),
        K=settings["objective"]["num_samples"],
        prior_and_posterior_dist="laplace_with_softmax",
        learn_prior=True,
        loss=LOSSES[settings["objective"]["estimator"]],
    )
    model = MMVAE(config, encoders, decoders)
    model.prior_log_var.data = weights.pop("prior.raw_scale").view(1, -1)
    return model


def private_settings(sizes, settings):
    return dict(
        **common(sizes),
        K=settings["objective"]["num_samples"],
        prior_and_posterior_dist="laplace_with_softmax",
        beta=settings["objective"]["kl_weight"],
        modalities_specific_dim=settings["private"]["size"],
        loss=LOSSES[settings["objective"]["estimator"]],
    )


def mmvae_plus(sizes, settings, encoders, decoders, weights):
    config = MMVAEPlusConfig(**private_settings(sizes, settings))
    model = MMVAEPlus(config, encoders, decoders)
    rows = weights.pop("objective.auxiliary.raw_scale")
    for name, row in zip(encoders, rows):
        model.logvars_priors[name].data = row.view(1, -1)
    return model


def cmvae(sizes, settings, encoders, decoders, weights):
    means = weights.pop("prior.means")
    config = CMVAEConfig(
        **private_settings(sizes, settings), number_of_clusters=len(means)
    )
    model = CMVAE(config, encoders, decoders)
    rows = weights.pop("objective.auxiliary.raw_scale")
    for name, row in zip(encoders, rows):
        model.r_logvars_priors[name].data = row.view(1, -1)
    for cluster, mean in zip(model.mean_clusters, means):
        cluster.data = mean.view(1, -1)
    model._pc_params.data = weights.pop("prior.logits")
    assert weights.pop("prior.survivors").all()
    return model


def over_sources(values):
    return float(torch.stack(list(values)).detach().mean())


def log_mixture(posteriors, z):
    """log of the mean of the posteriors' densities."""
    each = torch.stack([q.log_prob(z).sum(-1) for q in posteriors])
    return torch.logsumexp(each, 0) - torch.log(torch.tensor(float(len(each))))


def bound_terms(model, data, densities, beta):
    """`densities(dataset)` gives the KL terms from MultiVae's own posteriors,
    draws and priors; that they and the log-likelihoods make up MultiVae's loss
    is checked."""
    dataset = MultimodalBaseDataset(data)
    batch = len(next(iter(data.values())))
    rates = densities(dataset)
    recorder = Recorder(model)
    loss = model(dataset).loss / batch
    means = recorder.means()
    fit = sum(model.rescale_factors[name] * value for name, value in means.items())
    assert torch.isclose(loss, torch.tensor(beta * sum(rates.values()) - fit))
    return {"loss": loss, "bound": -loss, **likelihoods(means), **rates}


def mmvae_terms(model, data, settings):
    def densities(dataset):
        output = model(dataset, detailed_output=True)
        prior = model.prior_dist(*model.pz_params)
        kl = [
            log_mixture(output.qz_xs.values(), z) - prior.log_prob(z).sum(-1)
            for z in output.zss.values()
        ]
        return {"kl": over_sources(kl)}

    return bound_terms(model, data, densities, 1.0)


def rates(posteriors, draws, log_prior, private_prior):
    shared = [q["u"] for q in posteriors.values()]
    kl = [log_mixture(shared, d["u"]) - log_prior(d["u"]) for d in draws.values()]
    own = [
        (posteriors[m]["w"].log_prob(d["w"]) - private_prior.log_prob(d["w"])).sum(-1)
        for m, d in draws.items()
    ]
    return {"kl": over_sources(kl), "private_kl": over_sources(own)}


def mmvae_plus_terms(model, data, settings):
    def densities(dataset):
        draws, posteriors, _ = model._compute_posteriors_and_embeddings(
            dataset, detach=False
        )
        mean, scale = model.pz_params
        latent = model.latent_dim
        shared = model.prior_dist(mean[:, :latent], scale[:, :latent])
        private = model.prior_dist(mean[:, latent:], scale[:, latent:])
        return rates(posteriors, draws, lambda z: shared.log_prob(z).sum(-1), private)

    return bound_terms(model, data, densities, model.beta)


def cmvae_terms(model, data, settings):
    def log_prior(z):
        log_shares = model.pc_params.log()
        each = [
            log_share
            + model.latent_dist(mean, model._log_var_to_std(raw)).log_prob(z).sum(-1)
            for log_share, mean, raw in zip(
                log_shares, model.mean_clusters, model.logvar_clusters
            )
        ]
        return torch.logsumexp(torch.stack(each), 0)

    def densities(dataset):
        posteriors, draws, _ = model._compute_posteriors_and_embeddings(
            dataset, detach=False
        )
        private = model.latent_dist(
            model.w_mean_prior, model._log_var_to_std(model.w_logvar_prior)
        )
        return rates(posteriors, draws, log_prior, private)

    return bound_terms(model, data, densities, model.model_config.beta)


SYSTEMS = {
    "mvae": (mvae, mvae_terms),
    "mmvae": (mmvae, mmvae_terms),
    "mopoe": (mopoe, mopoe_terms),
    "mvtcae": (mvtcae, mvtcae_terms),
    "mmvae_plus": (mmvae_plus, mmvae_plus_terms),
    "cmvae": (cmvae, cmvae_terms),
}
