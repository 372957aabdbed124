# What R says of every table that against_r.py wrote: Rscript against_r.R FOLDER.
# Reads tables.csv, asked.csv and customers.csv there, writes r.txt: a line for each column of each
# answer, "table|call|column|numbers". Rows that stand for several spells are written out first.

suppressMessages({
  library(survival)
  library(cmprsk)
  library(riskRegression)
  library(prodlim)
})
options(warn = -1)
folder <- commandArgs(TRUE)[1]
text <- c(plan = "character", region = "character", reason = "character")
tables <- read.csv(file.path(folder, "tables.csv"), colClasses = text)
asked <- read.csv(file.path(folder, "asked.csv"))
customers <- read.csv(file.path(folder, "customers.csv"), colClasses = text[c("plan", "region")])
out <- file(file.path(folder, "r.txt"), "w")
current <- 0
exactly <- coxph.control(eps = 1e-11, iter.max = 60)

say <- function(call, ...) {
  columns <- list(...)
  for (name in names(columns)) {
    numbers <- paste(sprintf("%.15g", as.numeric(columns[[name]])), collapse = " ")
    writeLines(paste(current, call, name, numbers, sep = "|"), out)
  }
}
attempt <- function(call, code) {
  tryCatch(code, error = function(e) {
    why <- gsub("[|\n]", " ", conditionMessage(e))
    writeLines(paste(current, call, "refused", why, sep = "|"), out)
  })
}
# A fit that did not arrive, or has a coefficient without bound, is no number to compare with.
arrives <- function(call, code) {
  said <- NULL
  fit <- withCallingHandlers(code, warning = function(w) {
    said <<- c(said, conditionMessage(w))
    invokeRestart("muffleWarning")
  })
  if (length(said) && any(grepl("converge|infinite|singular|Ran out|Loglik|fitted prob", said))) {
    stop(paste("R warns:", said[1]))
  }
  fit
}
lasting <- function(d, end = d$churned) {
  if (any(d$entry > 0)) Surv(d$entry, d$duration, end) else Surv(d$duration, end)
}
up_to_log <- function(share, error) {  # bounds of a share that has left, from log(-log(1 - F))
  z <- qnorm(.975)
  from <- log(-log(1 - share))
  spread <- z * error / ((1 - share) * -log(1 - share))
  list(1 - exp(-exp(from - spread)), 1 - exp(-exp(from + spread)))
}

curves <- function(d, plan, ask) {
  fit <- survfit(lasting(d) ~ 1, data = d, conf.type = "log-log")
  s <- summary(fit, censored = TRUE)
  call <- paste("survival_curve", plan)
  say(call, duration = s$time, n_at_risk = s$n.risk, n_churned = s$n.event, n_censored = s$n.censor,
      survival = s$surv, standard_error = s$std.err, lower = s$lower, upper = s$upper)
  # R has no bounds of log H: from its H and error.
  spread <- exp(qnorm(.975) * s$std.chaz / s$cumhaz)
  say(paste("cumulative_hazard", plan), cumulative_hazard = s$cumhaz, standard_error = s$std.chaz,
      lower = s$cumhaz / spread, upper = s$cumhaz * spread)
  q <- quantile(fit, c(.25, .5, .75))
  say(paste("lifetime_quantile", plan), lifetime = q$quantile, lower = q$lower, upper = q$upper)
  r <- c(rmean = NA, "se(rmean)" = NA)
  attempt(paste("restricted_mean", plan), {
    r <- summary(fit, rmean = ask$horizon)$table
    say(paste("restricted_mean", plan), restricted_mean = r["rmean"],
        standard_error = r["se(rmean)"], lower = r["rmean"] - qnorm(.975) * r["se(rmean)"],
        upper = r["rmean"] + qnorm(.975) * r["se(rmean)"])
  })
  # An end at start.time itself would count in R: the tenure is just behind it.
  if (any(d$duration > ask$tenure)) attempt(paste("conditional_survival", plan), {
    later <- survfit(lasting(d) ~ 1, data = d, conf.type = "log-log", start.time = ask$tenure + 1e-6)
    s <- summary(later, times = ask$tenure + ask$ahead, extend = TRUE)
    say(paste("conditional_survival", plan), survival = s$surv, lower = s$lower, upper = s$upper)
  })
  r
}
clustered <- function(d, plan) {
  if (length(unique(d$who)) < 2) return()
  fit <- survfit(lasting(d) ~ 1, data = d, cluster = who, conf.type = "log-log")
  s <- summary(fit, censored = TRUE)
  say(paste("survival_curve cluster", plan), standard_error = s$std.err, lower = s$lower,
      upper = s$upper)
  say(paste("cumulative_hazard cluster", plan), standard_error = s$std.chaz)
}
incidence <- function(d, plan, causes, late) {
  event <- factor(ifelse(d$churned, d$reason, "on"), c("on", causes))
  d$row <- seq_len(nrow(d))
  fit <- survfit(lasting(d, event) ~ 1, data = d, id = row)
  times <- sort(unique(d$duration))
  at <- match(times, fit$time)
  for (k in seq_along(causes)) {
    call <- paste("cumulative_incidence", causes[k], plan)
    share <- fit$pstate[at, k + 1]
    bounds <- up_to_log(share, fit$std.err[at, k + 1])
    say(call, n_churned = fit$n.event[at, k + 1], cumulative_incidence = share)
    say(paste("cumulative_incidence own rows", causes[k], plan), lower = bounds[[1]],
        standard_error = fit$std.err[at, k + 1], upper = bounds[[2]])
  }
  say(paste("cumulative_incidence", plan), survival = fit$pstate[at, 1], n_at_risk = fit$n.risk[at, 1])
  # survfit(id =, cluster =) of several states gives the errors of id: cluster is not looked at. So
  # R's own influence of each row is summed within clusters here.
  if (length(unique(d$who)) > 1) {
    moved <- survfit(lasting(d, event) ~ 1, data = d, id = row, influence = TRUE)$influence.pstate
    ignored <- survfit(lasting(d, event) ~ 1, data = d, id = row, cluster = who)$std.err
    for (k in seq_along(causes)) {
      say(paste("cumulative_incidence cluster", causes[k], plan), standard_error =
            sqrt(colSums(rowsum(moved[, at + ncol(moved) - length(fit$time), k + 1], d$who)^2)))
      say(paste("cluster beside id", causes[k], plan), standard_error = ignored[at, k + 1])
    }
  }
  status <- as.integer(event) - 1
  for (k in seq_along(causes)) {
    kept <- survfit(lasting(d, status > 0 & status != k) ~ 1)
    say(paste("cause_removed", causes[k], plan), churn_share_without = 1 - summary(kept, times)$surv)
  }
  if (late || !any(status > 0)) return()
  there <- sort(unique(status[status > 0]))
  groups <- cuminc(d$duration, status)
  for (k in there) {
    est <- timepoints(groups[paste(1, k)], times)$est[1, ]
    say(paste("cuminc", causes[k], plan), cumulative_incidence = est)
  }
  if (length(there) > 1) attempt(paste("prodlim", plan), {
    fit <- prodlim(Hist(duration, status) ~ 1, data = data.frame(d, status = status))
    at <- match(times, fit$time)
    for (k in there) {
      say(paste("prodlim", causes[k], plan), standard_error = fit$se.cuminc[[as.character(k)]][at])
    }
  })
}
compared <- function(d, ask, causes) {
  if (length(unique(d$plan)) < 2) return()
  late <- any(d$entry > 0)
  for (within in c(FALSE, TRUE)) {
    named <- if (within) "strata" else "all"
    right <- if (within) ~ plan + strata(region) else ~ plan
    if (!late) for (rho in 0:1) attempt(paste("survdiff", named, rho), {
      f <- survdiff(update(right, Surv(duration, churned) ~ .), d, rho = rho)
      call <- paste("compare_curves", c("log-rank", "fleming-harrington")[rho + 1], named)
      df <- sum(rowSums(as.matrix(f$exp)) > 0) - 1
      say(call, statistic = f$chisq, p_value = pchisq(f$chisq, df, lower.tail = FALSE))
      if (rho == 0) say(call, n_spells = rowsum(as.numeric(f$n), rep(names_of(f$n, d), 1)),
                        n_churned = rowSums(as.matrix(f$obs)), n_expected = rowSums(as.matrix(f$exp)))
    })
    # With late entry: the exact partial likelihood has the hypergeometric covariance. R goes
    # through all ways to choose the ends from those at risk.
    if (late && ways_to_end(d) < 1e5) attempt(paste("exact", named), {
      f <- coxph(update(right, Surv(entry, duration, churned) ~ .), d, ties = "exact", iter.max = 0)
      df <- sum(!is.na(coef(f)))
      say(paste("compare_curves log-rank", named), statistic = f$score,
          p_value = pchisq(f$score, df, lower.tail = FALSE))
    })
    if (length(unique(d$who)) > length(unique(d$plan))) attempt(paste("robust", named), {
      d$lasts <- lasting(d)
      f <- coxph(update(right, lasts ~ .), d, ties = "breslow", cluster = who, iter.max = 0,
                 init = rep(0, length(unique(d$plan)) - 1))
      say(paste("compare_curves cluster", named), statistic = f$rscore)
    })
    if (!late) attempt(paste("gray", named), {
      status <- ifelse(d$churned, match(d$reason, causes), 0)
      f <- if (within) cuminc(d$duration, status, d$plan, d$region) else
        cuminc(d$duration, status, d$plan)
      for (k in rownames(f$Tests)) {
        say(paste("compare_incidence", causes[as.integer(k)], named), statistic = f$Tests[k, "stat"],
            p_value = f$Tests[k, "pv"])
      }
    })
  }
}
ways_to_end <- function(d) {
  at <- unique(d$duration[d$churned == 1])
  sum(sapply(at, function(u) {
    choose(sum(d$entry < u & d$duration >= u), sum(d$duration == u & d$churned == 1))
  }))
}
names_of <- function(n, d) {
  if (length(n) == length(unique(d$plan))) sort(unique(d$plan)) else
    sub(",.*", "", sub("^plan=", "", names(n)))
}

predicted <- function(call, fit, new, ask, bounds) {
  times <- unlist(ask[c("t1", "t2", "t3")])
  for (i in seq_len(nrow(new))) attempt(paste(call, i), {
    f <- survfit(fit, newdata = new[i, ], conf.type = "log-log")
    s <- summary(f, times = times, extend = TRUE)
    say(paste(call, i), survival = s$surv)
    if (bounds) {
      say(paste(call, i), lower = s$lower, upper = s$upper)
      mean <- summary(f, rmean = ask$horizon)$table["rmean"]
      later <- summary(f, times = ask$tenure + ask$ahead, extend = TRUE)$surv
      now <- summary(f, times = ask$tenure, extend = TRUE)$surv
      say(paste("expected", call, i), expected_lifetime = mean)
      say(paste("given", call, i), churn_probability = (1 - later / now)[1])
    }
  })
}
cox <- function(d, new, ask) {
  right <- list(plain = ~ x + flag + plan, strata = ~ x + flag + strata(region))
  if (length(unique(d$plan)) < 2) right$plain <- ~ x + flag
  # R's survfit with new customers fails where strata() has one value only.
  if (length(unique(d$region)) < 2) right$strata <- ~ x + flag
  d$lasts <- lasting(d)
  for (ties in c("efron", "breslow")) for (kind in names(right)) {
    call <- paste("fit_cox", ties, kind)
    attempt(call, {
      what <- update(right[[kind]], lasts ~ .)
      fit <- arrives(call, coxph(what, d, ties = ties, control = exactly, x = TRUE))
      say(call, coef = coef(fit), standard_error = sqrt(diag(vcov(fit))), log_likelihood = fit$loglik,
          p_value = summary(fit)$coefficients[, 5],
          tests = c(2 * diff(fit$loglik), fit$wald.test, fit$score))
      base <- basehaz(fit, centered = FALSE)
      if (is.null(base$strata)) base$strata <- "all"
      d$own <- if (length(unique(base$strata)) > 1) d$region else "all"
      ended <- unique(d[d$churned == 1, c("own", "duration")])
      ended <- ended[order(ended$own, ended$duration), ]
      at <- match(paste(ended$own, ended$duration), paste(base$strata, base$time))
      say(paste("baseline", ties, kind), cumulative_hazard = base$hazard[at])
      predicted(paste("predict_survival", ties, kind), fit, new, ask, TRUE)
      others <- c("rank", "identity", if (all(d$duration > 0)) "log")
      for (g in c("km", if (ties == "efron") others)) {
        z <- cox.zph(fit, g, terms = FALSE)$table
        say(paste("proportional_hazards_test", g, ties, kind), statistic = z[, 1], p_value = z[, 3])
      }
      if (length(unique(d$who)) > 2 * length(coef(fit))) {
        fit <- arrives(call, coxph(what, d, ties = ties, control = exactly, cluster = who))
        say(paste(call, "cluster"), standard_error = sqrt(diag(vcov(fit))), tests = fit$wald.test,
            p_value = summary(fit)$coefficients[, 6])
      }
    })
  }
  attempt("ridge", {
    spread <- sapply(d[c("x", "flag")], function(v) sqrt(mean((v - mean(v))^2)))
    d$z1 <- d$x / spread[1]
    d$z2 <- d$flag / spread[2]
    fit <- arrives("ridge", coxph(lasts ~ ridge(z1, z2, theta = 3, scale = FALSE), d,
                                  control = coxph.control(eps = 1e-11, iter.max = 60, outer.max = 30)))
    say("fit_cox ridge", coef = coef(fit) / spread)
  })
}
by_reason <- function(d, new, ask, there) {
  if (length(there) < 2) return()
  d$row <- seq_len(nrow(d))
  event <- factor(ifelse(d$churned, d$reason, "on"), c("on", there))
  d$lasts <- lasting(d, event)
  times <- unlist(ask[c("t1", "t2", "t3")])
  # Of several states ties = "efron" gives Breslow's coefficients: a fit of each reason instead.
  attempt("causes efron", {
    each <- lapply(there, function(reason) {
      d$lasts <- lasting(d, d$churned == 1 & d$reason == reason)
      arrives("causes", coxph(lasts ~ x + flag, d, control = exactly))
    })
    say("fit_cause_specific efron", coef = sapply(each, coef),
        standard_error = sapply(each, function(fit) sqrt(diag(vcov(fit)))))
  })
  attempt("causes breslow", {
    fit <- arrives("causes", coxph(lasts ~ x + flag, d, id = row, ties = "breslow", control = exactly))
    say("fit_cause_specific breslow", coef = coef(fit), standard_error = sqrt(diag(fit$naive.var)))
    s <- summary(survfit(fit, newdata = new), times = times, extend = TRUE)
    for (i in seq_len(nrow(new))) {
      say(paste("predict_reasons", i), survival = s$pstate[, i, 1],
          reason_probability = t(s$pstate[, i, -1]))
    }
  })
  if (any(d$entry > 0) || ask$slow == 0) return()
  attempt("causes CSC", {
    d$status <- as.integer(event) - 1
    fit <- arrives("CSC", CSC(Hist(duration, status) ~ x + flag, d, method = "breslow"))
    for (k in seq_along(there)) {
      p <- predict(fit, newdata = new, times = times, cause = k, product.limit = FALSE)
      say(paste("CSC", there[k]), reason_probability = t(p$absRisk))
    }
  })
}
lifetimes <- function(d, new, ask) {
  if (any(d$entry > 0) || any(d$duration <= 0)) return()
  right <- if (length(unique(d$plan)) < 2) ~ x + flag else ~ x + flag + plan
  times <- unlist(ask[c("t1", "t2", "t3")])
  for (dist in c("weibull", "exponential", "lognormal", "loglogistic")) {
    call <- paste("fit_aft", dist)
    attempt(call, {
      what <- update(right, Surv(duration, churned) ~ .)
      how <- survreg.control(rel.tolerance = 1e-14, maxiter = 200)
      fit <- arrives(call, survreg(what, d, dist = dist, control = how))
      for (again in 1:2) {  # survreg stops a step early
        from <- c(coef(fit), if (dist != "exponential") log(fit$scale))
        fit <- survreg(what, d, dist = dist, control = how, init = from)
      }
      say(call, coef = coef(fit), standard_error = sqrt(diag(vcov(fit)))[seq_along(coef(fit))],
          log_scale = log(fit$scale), log_likelihood = fit$loglik[2:1])
      lp <- predict(fit, new, type = "lp")
      p <- sapply(times, function(t) 1 - psurvreg(t, lp, fit$scale, dist))
      say(paste("predict_survival aft", dist), survival = t(p))
    })
  }
}
scores <- function(d, ask) {
  S <- lasting(d)
  for (kind in c("all", "until")) attempt(paste("concordance", kind), {
    ymax <- if (kind == "until") list(ymax = ask$t3 - 1e-6) else list()
    f <- do.call(concordance, c(list(S ~ d$risk, reverse = TRUE), ymax))
    say(paste("concordance harrell", kind), concordance = f$concordance, standard_error = sqrt(f$var),
        counts = f$count[c("concordant", "discordant", "tied.x")])
    if (!any(d$entry > 0)) {
      f <- do.call(concordance, c(list(S ~ d$risk, reverse = TRUE, timewt = "n/G2"), ymax))
      say(paste("concordance uno", kind), concordance = f$concordance)
    }
  })
  if (any(d$entry > 0) || ask$slow == 0) return()
  attempt("score", {
    times <- unlist(ask[c("t1", "t2", "t3")])
    f <- Score(list(ours = 1 - as.matrix(d[c("s1", "s2", "s3")])), Surv(duration, churned) ~ 1, d,
               times = times, metrics = c("brier", "auc"), null.model = TRUE, se.fit = FALSE,
               progress.bar = NULL, verbose = FALSE)
    b <- f$Brier$score
    say("brier_score", brier_score = b$Brier[b$model == "ours"],
        reference = b$Brier[b$model == "Null model"])
    say("time_dependent_auc", auc = f$AUC$score$AUC)
  })
}
hazards <- function(d, ask) {
  length <- ask$interval
  first <- ceiling(d$entry / length) + 1
  whole <- d$duration / length
  last <- ifelse(d$churned == 1, ceiling(whole), floor(whole))
  n <- pmax(0, last - first + 1)
  if (any(d$duration <= 0) || !any(n > 0)) return()
  rows <- rep(seq_len(nrow(d)), n)
  p <- d[rows, c("x", "flag", "churned")]
  p$interval <- first[rows] + sequence(n) - 1
  p$end <- p$churned == 1 & p$interval == last[rows]
  # R's levels run off where nobody or everybody leaves: ours are 0 and 1 there, exactly.
  share <- ave(p$end, p$interval)
  p <- p[share > 0 & share < 1, ]
  if (!nrow(p)) return()
  for (link in c("logit", "cloglog")) attempt(paste("fit_hazard", link), {
    p$interval <- factor(p$interval)
    what <- if (nlevels(p$interval) > 1) end ~ interval + x + flag - 1 else end ~ x + flag
    fit <- arrives("glm", glm(what, binomial(link), p, epsilon = 1e-14, maxit = 100))
    at <- at_maximum(fit, link)
    own <- c("x", "flag")
    say(paste("fit_hazard", link), coef = at$coef[own], standard_error = at$error[own],
        level = at$coef[setdiff(names(coef(fit)), own)], log_likelihood = logLik(fit))
    if (link == "logit") say("fit_hazard glm", standard_error = sqrt(diag(vcov(fit)))[own])
  })
}
# glm's errors come from the expected information, with cloglog another than the observed one: the
# second derivatives at its estimates, and two more steps of Newton's.
at_maximum <- function(fit, link) {
  X <- model.matrix(fit)
  y <- fit$y
  b <- coef(fit)
  for (step in 1:8) {
    m <- exp(X %*% b)[, 1]
    if (link == "logit") {
      slope <- y - m / (1 + m)
      bend <- m / (1 + m)^2
    } else {
      q <- m * exp(-m) / (1 - exp(-m))
      slope <- y * q - (1 - y) * m
      bend <- (1 - y) * m - y * q * (1 - m - q)
    }
    inverse <- solve(crossprod(X, X * bend))
    if (step < 8) b <- b + (inverse %*% crossprod(X, slope))[, 1]
  }
  list(coef = setNames(b, names(coef(fit))), error = setNames(sqrt(diag(inverse)), names(coef(fit))))
}

for (each in asked$table) {
  current <- each
  d <- tables[tables$table == each, ]
  d <- d[rep(seq_len(nrow(d)), d$n_spells), ]
  ask <- as.list(asked[asked$table == each, ])
  ask$ahead <- c(ask$ahead1, ask$ahead2)
  new <- customers[customers$table == each, ]
  causes <- sort(unique(d$reason[d$churned == 1]))
  means <- list()
  for (plan in sort(unique(d$plan))) {
    mine <- d[d$plan == plan, ]
    attempt(paste("curves", plan), means[[plan]] <- curves(mine, plan, ask))
    attempt(paste("clustered", plan), clustered(mine, plan))
    attempt(paste("incidence", plan), incidence(mine, plan, causes, any(d$entry > 0)))
  }
  if (length(means) > 1) {
    m <- sapply(means, function(r) c(r["rmean"], r["se(rmean)"]))
    say("restricted_mean_difference", difference = m[1, -1] - m[1, 1],
        standard_error = sqrt(m[2, -1]^2 + m[2, 1]^2))
  }
  compared(d, ask, causes)
  attempt("cox", cox(d, new, ask))
  attempt("causes", by_reason(d, new, ask, causes))
  attempt("aft", lifetimes(d, new, ask))
  attempt("scores", scores(d, ask))
  attempt("hazards", hazards(d, ask))
}
close(out)
versions <- c("survival", "cmprsk", "riskRegression", "prodlim")
named <- sapply(versions, function(p) paste(p, packageVersion(p)))
writeLines(c(R.version.string, named), file.path(folder, "versions.txt"))
