"""Wire JSON in the shapes servers were seen to send, with ids and numbers of our own."""


def a_job(**changes):
    """A healthy running job as OpenAI sends it."""
    return {
        "object": "fine_tuning.job",
        "id": "ftjob-Tn7",
        "created_at": 1760000000,
        "finished_at": None,
        "estimated_finish": None,
        "status": "running",
        "error": {},
        "model": "gpt-4.1-mini-2025-04-14",
        "fine_tuned_model": None,
        "hyperparameters": {"n_epochs": 3, "batch_size": 2, "learning_rate_multiplier": 1.8},
        "organization_id": "org-1",
        "result_files": [],
        "seed": 7,
        "trained_tokens": None,
        "training_file": "file-train",
        "validation_file": None,
        "integrations": [],
        "metadata": None,
        "method": None,
        "user_provided_suffix": None,
        **changes,
    }


def a_list(*data, has_more=False, **changes):
    return {"object": "list", "data": list(data), "has_more": has_more, **changes}


def an_event(**changes):
    return {
        "object": "fine_tuning.job.event",
        "id": "ftevent-1",
        "created_at": 1760000001,
        "level": "info",
        "message": "Step 10/99: training loss=0.11",
        "type": "metrics",
        "data": {"step": 10, "total_steps": 99, "train_loss": 0.11},
        **changes,
    }


def a_checkpoint(**changes):
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": "ftckpt_1",
        "created_at": 1760000002,
        "fine_tuned_model_checkpoint": "ft:gpt-4.1-mini:org::a:ckpt-step-50",
        "fine_tuning_job_id": "ftjob-Tn7",
        "step_number": 50,
        "metrics": {"step": 50.0, "train_loss": 0.2, "full_valid_mean_token_accuracy": 0.7},
        **changes,
    }
