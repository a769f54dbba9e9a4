from django.urls import path
from tokens import views

urlpatterns = [
    path("auth/login", views.Login.as_view()),
    path("auth/refresh_token", views.Refresh.as_view()),
    path("auth/logout", views.Logout.as_view()),
    # Your API: every view of Django REST framework needs an access token, by DEFAULT_PERMISSION_CLASSES.
    path("user/whoami", views.WhoAmI.as_view()),
]
