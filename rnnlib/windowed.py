"""Forecasters that learn from windows: a recurrent network of either framework, and ridge regression on the same numbers.

How windows are cut and scaled, and how answers become forecasts with intervals: rnnlib/windows.py.
"""

import numpy as np

from rnnlib import checks
from rnnlib.batch import Batches
from rnnlib.classical import normal_path
from rnnlib.windows import Windowed as Windowed


class Ridge(Windowed):
    """Linear regression on the numbers of a window, with a penalty chosen among `alphas` on the validation part (scikit-learn).

    Of known columns it sees the steps that it forecasts.  `AR(p)` is n_in=p with a small penalty.  Other arguments: `Windowed`.
    """

    def __init__(self, n_in, horizon, alphas=(0.01, 0.1, 1.0, 10.0, 100.0, 1000.0), **options):
        super().__init__(n_in, horizon, **options)
        self.alphas = tuple(checks.number(alpha, "alpha", 0) for alpha in alphas)

    def _flat(self, x):
        """x (N, n_in, D) -> (N, features): known columns of the last `ahead` steps only."""
        F = len(self.known_mean_)
        own, known = x[:, :, : x.shape[2] - F], x[:, max(self.n_in - self.ahead, 0) :, x.shape[2] - F :]
        return np.hstack([own.reshape(len(x), -1), known.reshape(len(x), -1)]).astype(float)

    def _train(self, x, y, x_valid, y_valid):
        from sklearn.linear_model import Ridge as Regression

        models = {alpha: Regression(alpha).fit(self._flat(x), y) for alpha in self.alphas}
        losses = {
            a: np.square(model.predict(self._flat(x_valid)).reshape(y_valid.shape) - y_valid).mean()
            for a, model in models.items()
        }
        self.alpha_ = min(losses, key=losses.get)
        self.model_, self.valid_loss_ = models[self.alpha_], float(losses[self.alpha_])

    def _answer(self, x):
        return self._spread(self.model_.predict(self._flat(x)).reshape(len(x), self.ahead))


class Recurrent(Windowed):
    """A recurrent network of `rnn`, which is rnnlib.pt or rnnlib.tf: equal arguments give equal networks in both.

    head      what it answers: "point" (least squares), "quantile" (pinball loss at `levels`, 0.5 among them), "gaussian" (mean and
              deviation, by likelihood)
    cell, hidden_size, model  `rnn.Forecaster(D, hidden_size, ..., cell, **model)`
    lr, epochs, batch_size, patience, clip_norm, rng  of `rnn.fit` by Adam; the epoch with the lowest validation loss is kept
    A recursive forecast puts its point back in.  Other arguments: `Windowed`.
    """

    def __init__(
        self,
        rnn,
        n_in,
        horizon,
        cell="gru",
        hidden_size=16,
        head="point",
        lr=1e-2,
        epochs=60,
        batch_size=32,
        patience=10,
        clip_norm=1.0,
        rng=0,
        model=None,
        **options,
    ):
        super().__init__(n_in, horizon, **options)
        self.rnn, self.cell, self.hidden_size, self.model = rnn, cell, hidden_size, model or {}
        self.head = checks.choice(head, ("point", "quantile", "gaussian"), "head")
        self.how = dict(epochs=epochs, patience=patience, clip_norm=clip_norm)
        self.lr, self.batch_size, self.rng = lr, batch_size, rng
        if head == "quantile" and 0.5 not in self.levels:
            raise ValueError(f"levels={self.levels} lack 0.5, which is the point forecast of head='quantile'")
        checks.framework(rnn)

    def _train(self, x, y, x_valid, y_valid):
        head, loss = {
            "point": ("point", "mse"),
            "quantile": (("quantile", {"outputs": len(self.levels)}), ("pinball", {"levels": self.levels})),
            "gaussian": ("gaussian", "gaussian"),
        }[self.head]
        sizes = (x.shape[2], self.hidden_size, self.ahead)
        self.model_ = self.rnn.Forecaster(*sizes, cell=self.cell, head=head, rng=self.rng, **self.model)
        data, valid = Batches((x, y), self.batch_size, rng=self.rng), Batches((x_valid, y_valid), 256)
        how = dict(loss=loss, optimizer=("adam", {"lr": self.lr}), valid=valid, progress=False, **self.how)
        self.history_ = self.rnn.fit(self.model_, data, **how)

    def _answer(self, x):
        found = self.rnn.predict(self.model_, x).astype(float)
        if self.head == "point":
            return self._spread(found)
        if self.head == "quantile":
            found = np.sort(found, axis=-1)
            return np.concatenate([found[:, :, [self.levels.index(0.5)]], found], axis=-1)
        paths = normal_path(found[:, :, 0].ravel(), np.exp(found[:, :, 1].ravel()), self.levels)
        return paths.reshape(*found.shape[:2], -1)
