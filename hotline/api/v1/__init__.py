"""/api/v1: what a unit's own system does instead of its people at the unit's desk."""

from fastapi import APIRouter

from hotline.api.v1 import acts, cases, reference

router = APIRouter(tags=["units' systems"])
router.include_router(cases.router)
router.include_router(acts.router)
router.include_router(reference.router)
