from django.urls import path
from tokens import views

handler404, handler500 = "tokens.errors.not_found", "tokens.errors.server_error"

urlpatterns = [
    path("auth/login", views.Login.as_view()),
    path("auth/refresh_token", views.Refresh.as_view()),
    path("auth/logout", views.Logout.as_view()),
    # Your API: every view of Django REST framework needs an access token, by DEFAULT_PERMISSION_CLASSES.
    path("user/whoami", views.WhoAmI.as_view()),
]
